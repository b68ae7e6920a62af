"""Which tests one of several processes runs together, and which groups begin first.

pytest-xdist's own groups travel in the ids of tests, which pytest 9.2 lets nobody change: they had
no effect, and each server ran in each process. Here the processes write them down beside the ids.
"""

from __future__ import annotations

import functools
import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

TESTS = Path(__file__).parents[1]
_FILES = f"{TESTS.name}/"
_FOLDER = "lume_groups"
_FOLDERS = ExitStack()

#: How long a group takes that takes long, in seconds of a processor, about: the longest begin first.
SECONDS: Mapping[str, int] = {
    "postgres": 150,
    "snowflake": 110,
    "databricks": 110,
    "sqlserver": 100,
    "mysql": 60,
    "mariadb": 60,
    "azurite": 60,
    "moto": 60,
    "demo": 50,
    "client/test_big_files.py": 15,
    "client/test_calls.py": 35,
    "client/test_from_another_machine.py": 20,
    "connectors/test_duckdb_file.py": 30,
    "engines/test_duckdb_engine.py": 15,
    "orchestration/test_cancel.py": 40,
    "orchestration/test_dagster_dev.py": 25,
    "orchestration/test_processes.py": 50,
    "orchestration/test_resubmit.py": 70,
    "orchestration/test_seed_assets.py": 20,
    "orchestration/test_together.py": 60,
    "orchestration/test_whole.py": 40,
    "runs/test_many.py": 30,
    "server/test_downloads.py": 20,
    "server/test_runs.py": 40,
    "server/test_serving.py": 20,
    "server/test_starting.py": 80,
    "server/test_uploads.py": 20,
    "test_cli_drift.py": 50,
    "test_cli_mapping.py": 20,
    "test_cli_verbs.py": 30,
    "test_connector_docs.py": 40,
    "test_docs.py": 80,
    "test_screenshots.py": 60,
}


def arrange(config: pytest.Config, items: list[pytest.Item], groups: list[str]) -> None:
    """In one of several processes: the longest group first, and the groups told to who hands out."""
    given: Mapping[str, Any] = getattr(config, "workerinput", {})
    if _FOLDER not in given:
        return
    counts = Counter(groups)
    pairs = sorted(zip(items, groups, strict=True), key=lambda p: -_seconds(p[1], counts))
    items[:] = [item for item, _ in pairs]
    told = {item.nodeid: group for item, group in pairs}
    Path(given[_FOLDER], given["workerid"]).write_text(json.dumps(told), encoding="utf-8")


def _seconds(group: str, counts: Counter[str]) -> float:
    """Most tests take less than a tenth of a second."""
    return SECONDS.get(group.removeprefix(_FILES), counts[group] * 0.1)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process where to write its groups."""
    if not hasattr(node.config, _FOLDER):
        made = tempfile.TemporaryDirectory(prefix="lume-test-groups-")
        setattr(node.config, _FOLDER, _FOLDERS.enter_context(made))
    node.workerinput[_FOLDER] = getattr(node.config, _FOLDER)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """Hand out one group after the other, as they are arranged."""
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    @functools.cache  # when all have collected, and all the same
    def told() -> Mapping[str, str]:
        one = min(Path(getattr(config, _FOLDER)).iterdir())
        return dict(json.loads(one.read_text(encoding="utf-8")))

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return told()[nodeid]

    config.option.loadscopereorder = False  # they are in order, and not by the number of tests
    return Groups(config, log)


def close() -> None:
    """Leave nothing behind."""
    _FOLDERS.close()
