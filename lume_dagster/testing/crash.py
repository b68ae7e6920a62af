"""Deliver a batch in a process of its own and kill that process at a chosen step."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from lume_dagster.connectors.protocol import Delivery, Target

# A server process that has imported everything once forks the children: quick, and free of the
# threads and connections of the process that runs the tests.
_CHILDREN = multiprocessing.get_context("forkserver")
_PRELOADED = [
    *("lume_dagster.testing.crash", "lume_dagster.connectors", "lume_dagster.connectors.resource"),
    *("lume_dagster.connectors.batch_files", "duckdb", "pandas", "pyarrow.parquet", "sqlglot"),
    *(
        f"sqlglot.dialects.{name}"
        for name in "databricks duckdb mysql postgres snowflake tsql".split()
    ),
    # What takes long to import; passed over where it is not installed.
    *("adbc_driver_postgresql.dbapi", "mssql_python", "pymysql", "snowflake.connector"),
    *("snowflake.connector.file_transfer_agent", "opentelemetry.trace", "databricks.sql.client"),
    *("databricks.sql.backend.thrift_backend", "lume_dagster.connectors.databricks.connector"),
]
_CHILDREN.set_forkserver_preload(_PRELOADED)
_PATIENCE = 900


def steps_of(target: Target, delivery: Delivery) -> list[str]:
    """Deliver, and tell the checkpoints that were passed."""
    passed: list[str] = []
    target.deliver(delivery, passed.append)
    return passed


def deliver_and_die(
    connector_type: type[Any],
    config: Mapping[str, Any],
    delivery: Delivery | Sequence[Delivery],
    step: int,
) -> int | None:
    """Deliver, one batch or many at once, in a child that kills itself at a checkpoint.

    ``step`` is the number of the checkpoint; the child sends itself SIGKILL there.

    Returns:
        The child's exit code; ``-9`` when it died as it should.
    """
    arguments = (connector_type, dict(config), delivery, step)
    child = _CHILDREN.Process(target=_deliver, args=arguments)
    child.start()
    child.join(_PATIENCE)
    if child.is_alive():
        child.kill()
        child.join()
        raise TimeoutError(f"The delivery did not reach checkpoint {step} in {_PATIENCE} seconds.")
    return child.exitcode


def _deliver(
    connector_type: type[Any],
    config: Mapping[str, Any],
    delivery: Delivery | Sequence[Delivery],
    step: int,
) -> None:
    left = step

    def die_at_last(_: str) -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    connector = connector_type(**config)
    if isinstance(delivery, Delivery):
        connector.deliver(delivery, die_at_last)
    else:
        connector.deliver_many(delivery, die_at_last)
