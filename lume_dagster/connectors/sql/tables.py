"""Where a batch lies in a database: the table a flow names, and the two that stand beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lume_dagster.connectors.protocol import Receipt
from lume_dagster.errors import ConnectorError

if TYPE_CHECKING:
    from sqlglot import exp

LEDGER = "_lume_batches"
_MOST_PARTS = 3


@dataclass(frozen=True, slots=True)
class Tables:
    """The mapped table, its rejects and its ledger, all in one schema of one database."""

    database: str  # empty where a schema is a database, as in MySQL
    schema: str
    name: str
    catalog: str | None = None  # where a statement must name it: DuckDB has ops.ops.flights
    spell: Callable[[str], str] = str  # how the system spells a name

    @property
    def rejects_name(self) -> str:
        """The table beside the mapped one."""
        return self.spell(f"{self.name}_rejects")

    @property
    def ledger_name(self) -> str:
        """The ledger of the schema."""
        return self.spell(LEDGER)

    @property
    def qualified(self) -> str:
        """The name the ledger keeps: schema and table."""
        return f"{self.schema}.{self.name}"

    def location(self, name: str) -> str:
        """A qualified name for people and for metadata."""
        return ".".join(part for part in (self.database, self.schema, name) if part)

    def receipt(self, mapped: int, rejects: int, *, table_rows: int | None = None) -> Receipt:
        """What is held of a batch, and where."""
        return Receipt(
            mapped_rows=mapped,
            rejects_rows=rejects,
            mapped_location=self.location(self.name),
            rejects_location=self.location(self.rejects_name),
            table_rows=table_rows,
        )

    def sql(self, name: str) -> exp.Table:
        """A quoted reference to a table of this schema."""
        from sqlglot import exp

        return exp.table_(name, db=self.schema, catalog=self.catalog, quoted=True)


def parse_table(
    text: str,
    *,
    database: str,
    schema: str,
    max_bytes: int = 255,
    spell: Callable[[str], str] = str,
) -> Tables:
    """The tables of a flow's ``table``, ``schema.table`` or ``database.schema.table``.

    ``spell`` turns a part of the flow's name into the name that the system keeps.

    Raises:
        ConnectorError: an empty part, too many parts, another database, or too long a name.
    """
    parts = text.split(".")
    if len(parts) > _MOST_PARTS or not all(p and p.isprintable() and p == p.strip() for p in parts):
        raise ConnectorError(
            f"{text!r} is not the name of a table.",
            hint="write table, schema.table or database.schema.table",
        )
    parts = [spell(part) for part in parts]
    if len(parts) == _MOST_PARTS and parts[0] != database:
        raise ConnectorError(
            f"The table {text!r} is in the database {parts[0]!r}; "
            f"this connector reaches {database!r}.",
            hint=f"write {database}.{parts[1]}.{parts[2]}, or use a connector for {parts[0]}",
        )
    tables = Tables(database, parts[-2] if len(parts) > 1 else schema, parts[-1], spell=spell)
    if tables.name == tables.ledger_name:
        raise ConnectorError(f"The table name {tables.name} is kept for the ledger of batches.")
    for name in (tables.schema, tables.rejects_name):
        refuse_long_name(name, max_bytes)
    return tables


def refuse_long_name(name: str, max_bytes: int) -> None:
    """Refuse a name that the system would cut off, which could make two names one."""
    if len(name.encode()) > max_bytes:
        raise ConnectorError(
            f"The name {name!r} is {len(name.encode())} bytes long; this system keeps {max_bytes}.",
            hint="choose a shorter name in the flow's target",
        )
