"""Make a project to measure: the invoices flow published, a landing folder, a DuckDB warehouse."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

_FLOW = Path(__file__).parent / "flows" / "invoices"

_DEFINITIONS = '''\
"""A code location of the benchmarks."""

from pathlib import Path

from lume_dagster import Arrival, build_definitions
from lume_dagster.connectors import DuckDBConnector, LocalFilesConnector

HERE = Path(__file__).parent

defs = build_definitions(
    flows=HERE / "flows",
    connectors={{
        "landing": LocalFilesConnector(root={landing!r}),
        "warehouse": DuckDBConnector(path=str(HERE / "warehouse.duckdb"), memory_limit={memory_limit!r}),
    }},
    data=HERE / ".lume",
    arrivals={arrivals},
    memory_limit={memory_limit!r},
)
'''


def make_project(
    folder: Path, landing: Path, *, flows: int, versions: int, memory_limit: str
) -> None:
    """``flows`` copies of the invoices flow, each published ``versions`` times."""
    from lume_dagster.flows.library import Library

    library = folder / "flows"
    library.mkdir(parents=True)
    (folder / "definitions.py").write_text(
        _DEFINITIONS.format(
            landing=str(landing),
            memory_limit=memory_limit,
            arrivals='[Arrival(flow="invoices", path="*.csv")]',
        ),
        encoding="utf-8",
    )
    text = (_FLOW / "flow.yaml").read_text(encoding="utf-8")
    for n in range(flows):
        name = "invoices" if n == 0 else f"invoices_{n}"
        shutil.copytree(_FLOW / "seeds", library / name / "seeds")
        for version in range(1, versions + 1):
            changed = text.replace("flow: invoices\n", f"flow: {name}\n").replace(
                "in the ledger's model.", f"in the ledger's model, the {version}. way."
            )
            (library / name / "flow.yaml").write_text(changed, encoding="utf-8")
            Library(library).publish(name, author="benchmarks", note="as it is measured")


def _make_instance(folder: Path) -> None:
    """Dagster's databases: a deployment has them before its first run."""
    from lume_dagster.orchestration.instance import open_instance

    with open_instance(folder / ".lume") as instance:
        instance.get_runs(limit=1)


def main() -> None:
    """Make one."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--landing", type=Path, required=True)
    arguments.add_argument("--flows", type=int, default=1)
    arguments.add_argument("--versions", type=int, default=1)
    arguments.add_argument("--memory-limit", default="2GB")
    given = arguments.parse_args()
    make_project(
        given.folder,
        given.landing,
        flows=given.flows,
        versions=given.versions,
        memory_limit=given.memory_limit,
    )
    _make_instance(given.folder)


if __name__ == "__main__":
    main()
