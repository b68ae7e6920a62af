"""A data folder that was moved: paths that Dagster keeps lead to where it lies now."""

from pathlib import Path

import pytest

from lume_dagster.runs.output import Layout

NOW = Path("/now")


@pytest.mark.parametrize(
    ("told", "tail"),
    [
        ("/was/.lume/output/flights/v1/run-1", "output/flights/v1/run-1"),
        ("/was/.lume/output/flights/v12/run-1/a_csv-0a", "output/flights/v12/run-1/a_csv-0a"),
        ("/was/.lume/staging/flights/v1/a_csv-0a/run-1", "staging/flights/v1/a_csv-0a/run-1"),
        ("/output/staging/output/flights/v1/run-1", "output/flights/v1/run-1"),
        ("output/flights/v1/run-1", "output/flights/v1/run-1"),
    ],
)
def test_the_folder_of_a_run_is_looked_for_by_the_end_of_its_path(told, tail):
    assert Layout(NOW).moved(Path(told)) == NOW / tail


@pytest.mark.parametrize(
    "told", ["/was/.lume/uploads/x/v1/y", "/output/v1", "/a/output/b/c/d", "/"]
)
def test_what_is_no_folder_of_a_run_is_not_looked_for(told):
    assert Layout(NOW).moved(Path(told)) is None
