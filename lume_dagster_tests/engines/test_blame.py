"""An error of the engine that nobody foresaw names the field or rule it came from."""

import re

import duckdb
import pytest
from sqlglot import exp

from lume_dagster.engines.blame import told_errors
from lume_dagster.errors import EngineError
from lume_dagster.plan.chain import Chain
from lume_dagster.plan.error_origins import Origin, Origins
from lume_dagster_tests.in_memory import connect

NAMES = ("mapping.a", "mapping.b", "mapping.c", "rules.d", "rules.e")


def origins_of(**sql):
    """Parts of which those named compute this over a column, and all others the column."""
    chain = Chain()
    column = chain.base(exp.column("c0", table="staged"), "VARCHAR")
    parts = []
    for name in NAMES:
        written = sql.get(name[-1])
        value = exp.maybe_parse(written, dialect="duckdb") if written else column
        parts.append(Origin(name, (column, chain.bind(value, "VARCHAR"))))
    return Origins(chain, tuple(parts))


def failing(origins, error="SELECT error('at first')"):
    con = connect()
    con.execute("CREATE OR REPLACE TEMP VIEW staged AS SELECT 1 AS _lume_row, 'x' AS c0")
    with con, told_errors(con, "orders:v1", lambda: origins):
        con.execute(error).fetchall()


@pytest.mark.parametrize("name", NAMES)
def test_the_part_that_fails_on_its_own_is_named_with_the_engine_s_words(name):
    with pytest.raises(EngineError, match=rf"run orders:v1, {re.escape(name)}: .*at first"):
        failing(origins_of(**{name[-1]: "error('boom' || v0)"}))


def test_of_several_that_fail_the_first_is_named():
    with pytest.raises(EngineError, match=r"mapping\.b: "):
        failing(origins_of(b="error(v0)", c="error(v0)", e="error(v0)"))


def test_an_error_that_no_part_makes_names_the_flow_alone():
    with pytest.raises(EngineError, match="run orders:v1: .*at first"):
        failing(origins_of())


def test_a_disk_that_fails_is_no_fault_of_the_flow():
    with pytest.raises(duckdb.IOException, match="No files found"):
        failing(origins_of(), "SELECT * FROM read_parquet('/no/such/file.parquet')")
