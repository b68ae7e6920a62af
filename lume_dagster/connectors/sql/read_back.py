"""Read the rows of a database's table back by a bound query, through the connector's own ``read``.

The ledger says which rows a flow delivered for which batch, so the query joins it. What is asked
for goes as the one bound value that ``read`` has: a JSON list of keys, which the server unfolds.
A connector's ``read_table`` is two lines:

    query, keys = read_back(tables, reading, dialect, JSON_KEYS)
    with self.read(query, keys) as reader: yield reader
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from lume_dagster.connectors.protocol import Reading
from lume_dagster.connectors.sql.ddl import ROW, RUN_ID, SOURCE_PATH
from lume_dagster.connectors.sql.tables import Tables

if TYPE_CHECKING:
    from sqlglot import exp

_BETWEEN = " "  # in no flow's name
_MARK = "lume: the keys asked for"


def read_back(
    tables: Tables,
    reading: Reading,
    dialect: str,
    json_keys: str,
    *,
    ledger_name: str = "",
    rewrite: Callable[[exp.Expr], exp.Expr] | None = None,
) -> tuple[str, str]:
    """The query for what a flow delivered, and the value of its ``:source_path``.

    Args:
        tables: Where the rows are.
        reading: Which rows.
        dialect: The system's, as sqlglot calls it.
        json_keys: A SELECT of the texts in the JSON list ``:source_path``, in the system's SQL.
        ledger_name: How the ledger calls the table, where that is not its qualified name.
        rewrite: What the system must be told otherwise, node by node; see sqlglot's ``transform``.
    """
    from sqlglot import exp

    spell = tables.spell
    outputs: list[exp.Expr] = [exp.Star()]  # of the only table of the FROM
    if reading.columns is not None:
        outputs = [_column("held", spell(name)) for name in (*reading.columns, SOURCE_PATH)]
    held = tables.sql(tables.name).as_("held", quoted=True)
    rows = exp.select(*outputs).from_(held)
    order = [_column("held", spell(SOURCE_PATH)), _column("held", spell(ROW))]
    ledger = _delivered(tables, reading, ledger_name or tables.qualified)
    # The list of keys is the system's own SQL, written by its connector: it goes in as it is.
    tree: exp.Expr = rows.where(exp.Exists(this=ledger)).order_by(*order)
    query = (tree.transform(rewrite) if rewrite else tree).sql(dialect)
    marked = exp.column(_MARK, quoted=True).sql(dialect)
    return query.replace(marked, json_keys), json.dumps(_keys(reading), ensure_ascii=False)


def _delivered(tables: Tables, reading: Reading, ledger_name: str) -> exp.Select:
    """Whether the ledger says that the row was delivered by the flow, for a batch asked for."""
    from sqlglot import exp

    spell = tables.spell
    flow, path = _column("ledger", spell("flow")), _column("ledger", spell("source_path"))
    key: exp.Expr = flow
    if reading.source_paths is not None:
        key = exp.Concat(expressions=[flow, exp.Literal.string(_BETWEEN), path])
    tests = [
        _column("ledger", spell("run_id")).eq(_column("held", spell(RUN_ID))),
        path.copy().eq(_column("held", spell(SOURCE_PATH))),
        _column("ledger", spell("target_table")).eq(exp.Literal.string(ledger_name)),
        exp.In(this=key, expressions=[exp.column(_MARK, quoted=True)]),
    ]
    ledger = tables.sql(tables.ledger_name).as_("ledger", quoted=True)
    return exp.select(exp.Literal.number(1)).from_(ledger).where(*tests)


def _keys(reading: Reading) -> list[str]:
    if reading.source_paths is None:
        return [reading.flow]
    return [f"{reading.flow}{_BETWEEN}{path}" for path in reading.source_paths]


def _column(table: str, name: str) -> exp.Column:
    from sqlglot import exp

    return exp.column(name, table=table, quoted=True)
