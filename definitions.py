"""The demo code location: the flows of examples/ with a landing folder and a DuckDB warehouse."""

from pathlib import Path

from lume_dagster import build_definitions
from lume_dagster.connectors import DuckDBConnector, LocalFilesConnector

HERE = Path(__file__).parent
DATA = HERE / ".lume"

defs = build_definitions(
    flows=HERE / "examples" / "flows",
    connectors={
        "landing": LocalFilesConnector(root=str(DATA / "landing")),
        "branches": LocalFilesConnector(root=str(HERE / "examples" / "landing")),
        "warehouse": DuckDBConnector(path=str(DATA / "warehouse.duckdb")),
    },
    data=DATA,
)
