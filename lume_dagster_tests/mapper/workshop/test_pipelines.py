"""Pipelines, jobs and results: the first run generates, later ones do the same again."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pyarrow as pa
import pytest

from lume_dagster.client.pipelines import Job, Pipeline
from lume_dagster.client.results import Result
from lume_dagster.engines.duckdb_engine import DuckDBEngine
from lume_dagster.engines.readers.files import InputFile
from lume_dagster.errors import (
    BatchError,
    FlowError,
    InvalidRequestError,
    MissingExtraError,
    PlanError,
)
from lume_dagster.flows.model import SourceFormat
from lume_dagster.mapper.workshop.tools import Tools
from lume_dagster_tests.mapper.workshop.shop import (
    RECORDS,
    SCHEMA,
    by_equal_names,
    people_in,
    place_in,
    texts_in,
)


@pytest.fixture
def place(tmp_path):
    return place_in(tmp_path)


def test_a_pipeline_is_a_draft_that_the_library_reads(place):
    pipeline = people_in(place)
    assert place.library.load_all().require().drafts[0].flow.flow == "people"
    assert pipeline.status == "CREATED"
    assert dict(pipeline.get_mapper()) == {}


def test_one_record_is_enough_to_generate_a_mapper(place):
    result = people_in(place).create_job(RECORDS[0]).run()
    assert dict(result.mapper) == {"id": "id", "name": "name", "city": "city", "state": "state"}
    assert result.counts == {"input": 1, "mapped": 1, "rejected": 0}
    assert result.status == "FINISHED"


def test_later_runs_use_the_mapper_and_need_no_generator(place, tmp_path):
    pipeline = people_in(place)
    first = pipeline.run_pipeline(RECORDS)
    without = Pipeline.get_pipeline_by_id("people", project=place_in(tmp_path, tools=Tools()))
    again = without.run_pipeline(RECORDS)
    assert [m.mapped_record for m in again] == [m.mapped_record for m in first]
    assert again.mapper.mapping == first.mapper.mapping


def test_without_a_generator_a_first_run_says_what_to_install(tmp_path):
    job = people_in(place_in(tmp_path, tools=Tools())).create_job(RECORDS)
    with pytest.raises(MissingExtraError, match=r"pip install 'lume-dagster\[mapper\]'"):
        job.run()
    assert job.status == "FAILED"


def test_nothing_of_the_data_gets_into_the_library(place):
    pipeline = people_in(place)
    pipeline.create_job(RECORDS).run()
    pipeline.create_workshop().run_sample({"index": 0, "mapped_record": {"city": "London"}})
    assert "Noether" not in texts_in(place.flows)
    assert "London" not in texts_in(place.flows)


@pytest.mark.parametrize("form", [lambda r: r, pd.DataFrame, pa.Table.from_pylist, iter])
def test_records_and_tables_give_the_same(place, form):
    job = people_in(place).create_job(form(RECORDS))
    assert [m.mapped_record["name"] for m in job.run()] == [r["name"] for r in RECORDS]


def test_a_file_gives_the_same(place, tmp_path):
    path = tmp_path / "people.csv"
    pd.DataFrame(RECORDS).to_csv(path, index=False)
    mapped = [m.mapped_record for m in people_in(place).create_job(path).run()]
    assert mapped[1] == {"id": 2, "name": "Max Born", "city": "Berlin", "state": "NY"}


def test_a_staged_batch_stays_with_the_job_when_it_is_pruned(place, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("id,name\n7,Ada\n")
    with DuckDBEngine(place.settings) as engine:
        files = [InputFile(path, "people.csv", "1")]
        staged = engine.stage_files(files, SourceFormat(), tmp_path / "staged")
    job = people_in(place).create_job(staged)
    shutil.rmtree(staged.folder)
    assert job.run().counts["mapped"] == 1
    shutil.rmtree(next(place.workshop.glob("*/jobs/*/staged")))
    with pytest.raises(BatchError, match="is gone: there is no staged batch"):
        job.create_workshop().run_mapper({"name": "upper(name)"})


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "there is no record in the list"),
        ([1], "record 0 is no dict, but of the type int"),
        ([{"a": float("nan")}], "record 0 cannot be kept"),
        ([{"a": object()}], "record 0 cannot be kept: a value of the type object"),
        (7, "int is no kind of source data"),
        ("nowhere.csv", "there is no file nowhere.csv"),
    ],
)
def test_data_that_is_none_gets_a_sentence_and_leaves_no_job(place, data, said):
    pipeline = people_in(place)
    with pytest.raises(InvalidRequestError, match=said):
        pipeline.create_job(data)
    assert pipeline.get_jobs() == []


def test_a_job_of_an_unknown_pipeline_is_refused(place):
    with pytest.raises(InvalidRequestError, match="there is no flow 'poeple'"):
        Job.create("poeple", RECORDS, project=place)


def test_a_schema_that_cannot_be_honoured_is_refused(place):
    with pytest.raises(FlowError, match="anyOf"):
        Pipeline.create("x", {"type": "object", "properties": {"a": {"anyOf": []}}}, project=place)
    with pytest.raises(FlowError, match="at least one property"):
        Pipeline.create("x", {"type": "object"}, project=place)
    assert Pipeline.get_all_pipelines(project=place) == []


def test_a_name_is_taken_once(place):
    people_in(place)
    with pytest.raises(InvalidRequestError, match="there is a flow 'people' already"):
        people_in(place)


def test_a_mapping_has_an_index_both_records_and_a_message(place):
    job = people_in(place).create_job([*RECORDS, {"id": "x", "name": None, "state": "TX"}])
    result = job.run()
    assert (result.status, job.status) == ("NEEDS_REVIEW", "NEEDS_REVIEW")
    good, *_, bad = result
    assert (good.index, good.source_record, good.message) == (0, RECORDS[0], "success")
    assert bad.index == 3
    assert bad.mapped_record is None
    errors = bad.message["record_errors"]
    assert {field: e["error_type"] for field, e in errors.items()} == {
        "id": "Type Error",
        "name": "Schema Error",
        "state": "Schema Error",
    }
    assert [m.index for m in result.get_failed()] == [3]


def test_a_key_that_comes_twice_is_an_error_among_records(place):
    target = {"connector": "warehouse", "table": "t", "key": ["id"]}
    pipeline = Pipeline.create("people", SCHEMA, target=target, project=place)
    result = pipeline.run_pipeline([RECORDS[0], RECORDS[0]])
    (failed,) = result.get_failed()
    assert failed.message["global_errors"]["error_types"]["Unique Error"][0]["error_indices"] == [1]


def test_a_malformed_record_keeps_its_text(place, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("id,name\n1,Ada\n2,Max,too,many\n")
    (failed,) = people_in(place).create_job(path).run().get_failed()
    assert failed.source_record == {"_lume_line": "2,Max,too,many"}


def test_pages_hold_every_mapping_once_and_in_order(place):
    records = [{"id": n, "name": str(n)} for n in range(25)]
    result = people_in(place).run_pipeline(records)
    pages = [result.get_mappings(page, 10) for page in (1, 2, 3)]
    assert [m.index for page in pages for m in page] == list(range(25))
    assert (pages[0].total, pages[0].pages, len(pages[2])) == (25, 3, 5)
    assert len(result.get_mappings(4, 10)) == 0
    with pytest.raises(InvalidRequestError, match="page 0 of 10 cannot be read"):
        result.get_mappings(0, 10)


def test_a_job_whose_columns_do_not_fit_says_so_and_is_kept_as_failed(place):
    pipeline = people_in(place)
    pipeline.run_pipeline(RECORDS)
    job = pipeline.create_job([{"nr": 1}])
    with pytest.raises(PlanError, match="the source has no column 'id'"):
        job.run()
    (failed,) = job.get_results()
    assert (job.status, failed.status) == ("FAILED", "FAILED")
    assert "no column 'id'" in failed.error
    with pytest.raises(InvalidRequestError, match="has no rows: it failed"):
        failed.get_mappings()


def test_of_two_first_runs_at_once_one_generates_and_the_other_waits(tmp_path):
    made = []

    def generate(sample, schema, *, pinned, memory, beside):
        del beside
        made.append(len(sample.rows))
        return by_equal_names(sample, schema, pinned=pinned, memory=memory)

    pipeline = people_in(place_in(tmp_path, tools=Tools(generate=generate)))
    jobs = [pipeline.create_job(RECORDS[:n]) for n in (1, 2, 3)]
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(Job.run, jobs))
    assert len(made) == 1
    assert len({tuple(r.mapper.items()) for r in results}) == 1


def test_a_job_takes_one_kind_of_data(place):
    pipeline = people_in(place)
    with pytest.raises(InvalidRequestError, match="either source_data or a source_path"):
        pipeline.create_job()
    with pytest.raises(InvalidRequestError, match="either source_data or a source_path"):
        pipeline.create_job(RECORDS, source_path="x.csv")


def test_jobs_and_results_are_found_again(place):
    result = people_in(place).run_pipeline(RECORDS)
    again = Result.get_by_id(result.id, project=place)
    assert again.get_mappings().items == result.get_mappings().items
    assert Job.get_job_by_id(result.job_id, project=place).records == 3
    with pytest.raises(InvalidRequestError, match="there is no result 'res_1'"):
        Result.get_by_id("res_1", project=place)
    with pytest.raises(InvalidRequestError, match="there is no job"):
        Job.get_job_by_id("../../x", project=place)


def test_the_source_schema_is_inferred_and_holds_no_values(place):
    pipeline = people_in(place)
    assert pipeline.source_schema is None
    pipeline.create_job(RECORDS)
    assert pipeline.source_schema["properties"]["id"]["type"] == "integer"
    assert "Byron" not in str(pipeline.source_schema)


def test_a_pipeline_is_updated_renamed_and_deleted(place):
    pipeline = people_in(place)
    pipeline.update("persons", "Who is who.")
    assert pipeline.description == "Who is who."
    assert [p.name for p in Pipeline.get_all_pipelines(project=place)] == ["persons"]
    pipeline.update(target_schema={"type": "object", "properties": {"id": {"type": "string"}}})
    assert list(pipeline.get_target_schema()["properties"]) == ["id"]
    pipeline.run_pipeline(RECORDS)
    with pytest.raises(InvalidRequestError, match="has jobs, decisions or shapes"):
        pipeline.update("people")
    pipeline.delete()
    assert Pipeline.get_all_pipelines(project=place) == []
    assert not list(place.workshop.glob("*"))


def test_a_deployed_pipeline_is_not_deleted(place):
    pipeline = people_in(place)
    pipeline.run_pipeline(RECORDS)
    pipeline.create_workshop().deploy()
    with pytest.raises(InvalidRequestError, match="has published versions, and cannot be deleted"):
        pipeline.delete()
