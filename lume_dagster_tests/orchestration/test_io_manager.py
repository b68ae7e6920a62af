"""A user's own asset takes the rows of a batch in the form its annotation asks for."""

from __future__ import annotations

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from lume_dagster.engines.batch import StagedBatch
from lume_dagster.orchestration.io_manager import ROWS, MappedFiles

PARTITIONS = dg.DynamicPartitionsDefinition(name="lume/orders/v1")


def consume(bench, form, *batches, step="transform", rows="mapped"):
    """What an asset with this annotation is given."""
    given = []

    def body(orders):
        given.append(orders.read_all() if form is pa.RecordBatchReader else orders)

    body.__annotations__ = {"orders": form, "return": None}
    asset = dg.asset(
        name="consumer",
        partitions_def=PARTITIONS,
        ins={"orders": dg.AssetIn(bench.key(step), metadata={ROWS: rows})},
        backfill_policy=dg.BackfillPolicy.single_run(),
    )(body)
    result = bench.materialize(*batches, steps=(), assets=(asset,))
    return given[0] if given else result


@pytest.fixture
def done(bench):
    """Two batches that are through."""
    bench.put("a.csv", "1", "x")
    bench.put("b.csv", "2", "3")
    bench.materialize("a.csv", "b.csv")
    return bench


@pytest.mark.parametrize("form", [pd.DataFrame, pa.Table, pa.RecordBatchReader, ds.Dataset])
def test_rows_come_as_what_is_asked_for(done, form):
    given = consume(done, form, "a.csv")
    table = given.to_table() if isinstance(given, ds.Dataset) else given
    frame = table if isinstance(table, pd.DataFrame) else table.to_pandas()
    assert frame["id"].tolist() == ["a.csv-0"]


def test_without_annotation_rows_come_as_a_data_frame(done):
    assert isinstance(consume(done, object, "a.csv"), pd.DataFrame)


def test_rows_come_as_frames_of_polars(done):
    pl = pytest.importorskip("polars")
    assert consume(done, pl.DataFrame, "a.csv")["id"].to_list() == ["a.csv-0"]
    assert consume(done, pl.LazyFrame, "a.csv").collect()["id"].to_list() == ["a.csv-0"]


@pytest.mark.parametrize(("form", "name"), [(int, "<class 'int'>"), (list, r"typing.List")])
def test_a_form_that_rows_do_not_come_in_is_refused_by_name(done, form, name):
    result = consume(done, form, "a.csv")
    (failure,) = result.get_step_failure_events()
    said = failure.step_failure_data.error.cause.message
    assert f"An input asks for {name}" in said
    assert "annotate it with" in said
    assert "a.csv-0" not in str(failure.step_failure_data.error)


def test_tables_come_by_batch(done):
    given = consume(done, dict[str, pd.DataFrame], "a.csv", "b.csv")
    assert {name: frame["id"].tolist() for name, frame in given.items()} == {
        "a.csv": ["a.csv-0"],
        "b.csv": ["b.csv-0", "b.csv-1"],
    }


def test_rejects_are_asked_for_by_metadata(done):
    frame = consume(done, pd.DataFrame, "a.csv", rows="rejects")
    assert frame["errors"][0][0]["code"] == "INVALID_INTEGER"


def test_many_batches_come_as_one_table(done):
    assert consume(done, pa.Table, "a.csv", "b.csv").num_rows == 3


def test_a_reference_reads_nothing(done):
    given = consume(done, MappedFiles, "a.csv")
    assert (given.source_path, given.part, given.rows) == ("a.csv", "mapped", 1)
    assert all(path.exists() for path in given.paths)


def test_many_references_come_by_batch(done):
    given = consume(done, dict[str, MappedFiles], "a.csv", "b.csv")
    assert {path: files.rows for path, files in given.items()} == {"a.csv": 1, "b.csv": 2}


def test_the_target_hands_out_what_was_delivered(done):
    assert len(consume(done, pd.DataFrame, "b.csv", step="target")) == 2


def test_the_source_is_handed_out_as_it_is_staged(done):
    staged = consume(done, StagedBatch, "a.csv", step="source")
    assert staged.records == 2


def test_rows_are_found_where_the_data_folder_was_moved_to(done):
    elsewhere = done.folder / "elsewhere"
    elsewhere.mkdir()
    for part in ("output", "staging"):
        (done.folder / "data" / part).rename(elsewhere / part)
    definitions = done.folder / "definitions.py"
    definitions.write_text(definitions.read_text().replace('data="data"', 'data="elsewhere"'))
    given = consume(done, MappedFiles, "a.csv")
    assert [elsewhere in path.parents for path in given.paths] == [True]
    assert consume(done, pd.DataFrame, "b.csv", step="target")["id"].tolist() == [
        "b.csv-0",
        "b.csv-1",
    ]
    assert consume(done, StagedBatch, "a.csv", step="source").records == 2


def test_rows_that_were_never_made_say_what_to_do(bench):
    bench.put("a.csv", "1")
    result = consume(bench, pd.DataFrame, "a.csv")
    (failed,) = result.get_step_failure_events()
    assert "has no rows of batch a.csv" in str(failed.step_failure_data.error)
