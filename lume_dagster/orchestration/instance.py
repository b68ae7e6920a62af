"""The Dagster instance that holds the runs: the operator's, or one embedded in the data folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from lume_dagster.collector import set_aside, without_collector
from lume_dagster.errors import EngineError, FlowError, InvalidRequestError
from lume_dagster.orchestration import migrations
from lume_dagster.orchestration.held_storage import held_files
from lume_dagster.orchestration.written_ahead import written_ahead

HOME = "dagster"
_ENV = "DAGSTER_HOME"

#: First visits are not greeted by a dialog, nothing is reported home, and a run whose worker never
#: comes up does not stay in STARTING for ever.
_CONFIG = """\
nux:
  enabled: false
telemetry:
  enabled: false
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
  cancel_timeout_seconds: 180
"""


def dagster_home(data: Path) -> Path:
    """Where the instance lives: ``DAGSTER_HOME``, or ``<data>/dagster``, made when missing."""
    named = os.environ.get(_ENV)
    if named:
        home = Path(named)
        if not home.is_dir():
            raise InvalidRequestError(
                f"{_ENV} is {named}, no folder.",
                hint=f"make it, or unset {_ENV}.",
            )
        return home.absolute()
    home = (data / HOME).absolute()
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    if not config.exists():
        new = home / f".dagster.yaml.{os.getpid()}"
        new.write_text(_CONFIG, encoding="utf-8")
        new.replace(config)
    return home


@contextmanager
def open_instance(data: Path) -> Iterator[dg.DagsterInstance]:
    """The instance of a data folder; its databases stay open as long as the ``with`` block."""
    home = dagster_home(data)
    with migrations.read_once(), written_ahead(home):
        with without_collector():  # it imports what talks to databases
            opened = _opened(home)
        with opened as instance, held_files(instance), set_aside():
            yield instance


def _opened(home: Path) -> dg.DagsterInstance:
    try:
        return dg.DagsterInstance.from_config(str(home))
    except Exception as error:
        told = _told(error, home)
        if told is None:
            raise
        raise told from error


def _told(error: Exception, home: Path) -> EngineError | None:
    """The sentence for a database that does not open; None for any other error."""
    from sqlalchemy.exc import DBAPIError

    if not isinstance(error, DBAPIError):
        return None
    said = str(error.orig).strip().partition("\n")[0].rstrip(".")
    return EngineError(
        f"The Dagster instance in {home} cannot be opened: {said}.",
        hint="let this user write there, see that the disk is not full, and that the database of"
        " its dagster.yaml answers.",
    )


def require_long_keys(instance: dg.DagsterInstance) -> None:
    """Refuse MySQL as Dagster's own storage: it tells partitions apart by 64 characters only.

    Raises:
        FlowError: the event storage is MySQL.
    """
    if not instance.is_persistent:
        return
    storage = instance.get_ref().event_storage_data
    if storage and "mysql" in f"{storage.module_name}.{storage.class_name}".lower():
        raise FlowError(
            "This Dagster instance keeps its events in MySQL, where two partitions with the same"
            " first 64 characters are one. A source_path is longer.",
            hint="use PostgreSQL or SQLite for Dagster's storage (dagster.yaml).",
        )
