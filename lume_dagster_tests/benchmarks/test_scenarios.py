"""Every scenario of the benchmarks works: on tiny input it gives each figure that was published."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.figures import Goal, NotRun, Result, Row
from benchmarks.mapping import columns
from benchmarks.mapping.cases import DATA, all_cases
from benchmarks.scenarios import SCENARIOS
from lume_dagster_tests.benchmarks.public_data import write_public_data
from lume_dagster_tests.benchmarks.tiny import measured, missing
from lume_dagster_tests.servers.azurite import azurite
from lume_dagster_tests.servers.databricks.fixture import databricks
from lume_dagster_tests.servers.fleet import NOT_RUN
from lume_dagster_tests.servers.moto import moto
from lume_dagster_tests.servers.mysql import mariadb
from lume_dagster_tests.servers.postgres import postgres
from lume_dagster_tests.servers.snowflake import snowflake
from lume_dagster_tests.servers.sqlserver.fixture import sqlserver

__all__ = ["azurite", "databricks", "mariadb", "moto", "postgres", "snowflake", "sqlserver"]

_WAYS = ("read", "write")
ALONE = (
    *("transform", "whole_run", "whole_run_large", "memory", "tiny_run", "import_time"),
    *(
        "many_files",
        "code_location",
        "http_api",
        "dagster.registry",
        "dagster.sensor",
        "dagster.webhooks",
    ),
    *(f"connectors.{kind}.{way}" for kind in ("duckdb", "local_files") for way in _WAYS),
    *("mapping.conversions", "mapping.drafts", "mapping.speed"),
)
#: With a server, by the fixture of that server.
SERVED = {
    "postgres_load": "postgres",
    "dagster.backfill": "postgres",  # starts one of its own, with a deployment
    **{
        f"connectors.{kind}.{way}": server
        for kind, server in {
            "azure_blob": "azurite",
            "databricks": "databricks",
            "mysql": "mariadb",
            "postgres": "postgres",
            "s3": "moto",
            "snowflake": "snowflake",
            "sqlserver": "sqlserver",
        }.items()
        for way in _WAYS
    },
}
#: With public data, and the first also with tables of a package that not every machine has.
COLUMNS, SYNTHESIS = "mapping.columns", "mapping.synthesis"
#: Needs more than 1,000 files, as Dagster is given 500 of them a run: too much to be tried here.
LARGE = "dagster.small_files"


def test_every_scenario_but_one_is_tried_here():
    assert sorted(SCENARIOS) == sorted((*ALONE, *SERVED, COLUMNS, SYNTHESIS, LARGE))


@pytest.mark.parametrize("name", ALONE)
def test_a_scenario_gives_every_figure_it_promises_and_decides_its_goals(name, tmp_path):
    assert not missing(name, measured(name, tmp_path))


@pytest.mark.filterwarnings("ignore:pandas only supports SQLAlchemy")  # as people write it
@pytest.mark.parametrize(("name", "server"), SERVED.items())
def test_a_scenario_with_a_server_gives_every_figure_it_promises(name, server, tmp_path, request):
    kind = name.split(".")[1] if "." in name else server
    running = {kind: request.getfixturevalue(server)}
    assert not missing(name, measured(name, tmp_path, **running))


@pytest.fixture
def public_data(tmp_path, monkeypatch):
    """A folder of cases where the mapper's benchmark looks for public ones."""
    monkeypatch.setenv(DATA, str(write_public_data(tmp_path / "data")))


@pytest.mark.usefixtures("public_data")
def test_transformations_are_counted_of_our_tasks_and_of_public_ones(tmp_path):
    assert not missing(SYNTHESIS, measured(SYNTHESIS, tmp_path))


@pytest.mark.optional_server
@pytest.mark.usefixtures("public_data")
def test_columns_find_their_fields_in_each_family_and_with_each_held_out(tmp_path):
    try:
        result = measured(COLUMNS, tmp_path)
    except NotRun as reason:
        pytest.skip(f"{NOT_RUN}: {reason}")
    assert not missing(COLUMNS, result)


@pytest.mark.optional_server
def test_another_matcher_answers_the_test_cases_that_it_is_given(tmp_path):
    (case,) = [case for case in all_cases(write_public_data(tmp_path), 1) if case.family == "tpch"]
    cases = [replace(case, name=split, splits={"id": split}) for split in ("dev", "test")]
    answers, reasons = columns.baseline("infermap", cases, tmp_path / "kept")
    if not answers and "make servers" in str(reasons):
        pytest.skip(f"{NOT_RUN}: {reasons}")
    assert set(answers) == {"test"}, reasons


def test_a_row_a_goal_or_a_figure_that_is_not_there_is_told():
    whole = Result(
        title="",
        rows=[Row("python", wall=1), Row("import lume_dagster", cpu=1)],
        goals=[Goal("import lume_dagster adds under 60 ms", 1, 60)],
    )
    assert missing("import_time", whole) == [
        "row lume_dagster#build_definitions",
        "row import dagster",
    ]
    empty = Result(title="", rows=[Row("python")], goals=[Goal("g", float("nan"), 1)])
    assert {"row import lume_dagster", "goal import lume_dagster adds under # ms"} < set(
        missing("import_time", empty)
    )
    assert {"python", "g"} < set(missing("import_time", empty))
