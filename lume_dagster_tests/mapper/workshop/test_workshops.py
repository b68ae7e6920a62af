"""Editing sessions: four edits, what they change, and that nothing else changes before deploy."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from lume_dagster.client.pipelines import Job, Pipeline
from lume_dagster.client.workshops import Workshop
from lume_dagster.errors import FlowError, InvalidRequestError, PlanError
from lume_dagster.mapper.workshop.tools import Tools
from lume_dagster_tests.mapper.workshop.shop import (
    RECORDS,
    SCHEMA,
    by_equal_names,
    people_in,
    texts_in,
)


def described(result):
    return [str(change) for change in result.changed_fields]


# -- the four edits -------------------------------------------------------------------------------


def test_a_mapper_edit_shows_what_changes_field_by_field_and_row_by_row(pipeline):
    result = pipeline.create_workshop().run_mapper({"city": "trim(city)"})
    assert result.deployed == "people:v1"
    assert described(result) == ["~ city: city -> trim(city)"]
    figures = result.changed_rows
    assert (figures.changed, figures.now_mapped, figures.now_rejected, figures.same) == (1, 0, 0, 2)
    (change,) = result.get_changes()
    assert (change.index, change.before, change.after) == (
        0,
        {"city": "London "},
        {"city": "London"},
    )


def test_rows_that_an_edit_loses_or_wins_are_told(pipeline):
    lost = pipeline.create_workshop().run_mapper({"state": "city"})
    assert lost.changed_rows.now_rejected == 3
    assert {(c.before is None, c.after is None) for c in lost.get_changes()} == {(False, True)}
    assert lost.status == "NEEDS_REVIEW"


def test_a_mapping_can_be_taken_away_and_reads_as_none(pipeline):
    workshop = pipeline.create_workshop()
    assert described(workshop.run_mapper({"city": None})) == ["- city: city"]
    assert "city" not in workshop.get_mapper()


def test_a_mapper_edit_reads_the_older_grammar_too(pipeline):
    lookup = {"function": "lookup", "params": {"path": "state", "lookup": {"CA": "NY", "NY": "CA"}}}
    entries = [{"targetField": "state", "transformation": lookup}]
    result = pipeline.create_workshop().run_mapper(entries)
    assert [m.mapped_record["state"] for m in result] == ["NY", "CA", "NY"]
    assert result.get_spec()["state"]["@lookup"] == {"CA": "NY", "NY": "CA"}


def test_a_sample_edit_is_learned_and_done_for_all_rows(pipeline):
    workshop = pipeline.create_workshop()
    result = workshop.run_sample({"index": 0, "mapped_record": {"id": 1, "name": "ADA BYRON"}})
    assert described(result) == ["~ name: name -> upper(name)"]
    assert [m.mapped_record["name"] for m in result][2] == "EMMY NOETHER"


def test_a_sample_edit_may_name_the_record_by_what_it_says(pipeline):
    sample = {"source_record": RECORDS[1], "mapped_record": {"name": "Max"}}
    result = pipeline.create_workshop().run_sample(sample)
    assert described(result) == ["~ name: name -> split_part(name, ' ', 1)"]
    with pytest.raises(InvalidRequestError, match="the source record is none of the job's"):
        pipeline.create_workshop().run_sample({**sample, "source_record": {"id": 9}})


def test_a_sample_edit_keeps_what_was_taught_before(pipeline):
    workshop = pipeline.create_workshop()
    workshop.run_sample({"index": 0, "mapped_record": {"city": "London"}})
    with pytest.raises(
        InvalidRequestError, match=r"city cannot be learned from what was shown \(2\)"
    ):
        workshop.run_sample({"index": 1, "mapped_record": {"city": "BERLIN"}})
    assert dict(workshop.get_mapper())["city"] == "trim(city)"


def test_what_was_taught_is_forgotten_when_the_field_is_edited_otherwise(pipeline):
    workshop = pipeline.create_workshop()
    workshop.run_sample({"index": 0, "mapped_record": {"name": "ADA BYRON"}})
    workshop.run_mapper({"name": "name"})
    result = workshop.run_sample({"index": 1, "mapped_record": {"name": "Max"}})
    assert result.mapper["name"] == "split_part(name, ' ', 1)"


def test_a_sample_edit_that_is_so_already_changes_nothing(pipeline):
    result = pipeline.create_workshop().run_sample({"index": 1, "mapped_record": {"id": 2}})
    assert described(result) == []


def test_a_sample_edit_that_contradicts_another_names_both_records(place):
    pipeline = people_in(place)
    pipeline.run_pipeline([RECORDS[0], RECORDS[0]])
    workshop = pipeline.create_workshop()
    workshop.run_sample({"index": 0, "mapped_record": {"name": "Ada Byron"}})
    with pytest.raises(InvalidRequestError, match="records 0 and 1 are alike in every column"):
        workshop.run_sample({"index": 1, "mapped_record": {"name": "Ada"}})
    assert workshop.status == "FAILED"


def test_an_edit_of_the_target_schema_keeps_what_stays_and_generates_what_is_new(pipeline):
    workshop = pipeline.create_workshop()
    workshop.run_mapper({"name": "upper(name)"})
    properties = {k: v for k, v in SCHEMA["properties"].items() if k != "city"}
    schema = {**SCHEMA, "properties": {**properties, "town": {"type": "string"}}}
    pipeline.create_job([{**r, "town": "T"} for r in RECORDS])
    newer = pipeline.create_workshop()
    result = newer.run_target_schema(schema)
    assert described(result) == ["+ town: town", "- city: city"]
    assert result.changed_rows.changed == 3
    assert result.get_changes().items[1].before == {"town": None, "city": "Berlin"}
    assert "town" in newer.get_target_schema()["properties"]


def test_a_sentence_is_read_without_a_model(pipeline):
    sentence = {"city": "trim it, then upper case", "name": "join name and city with a comma"}
    result = pipeline.create_workshop().run_prompt(sentence)
    assert described(result) == [
        "~ name: name -> concat_ws(',', name, city)",
        "~ city: city -> upper(trim(city))",
    ]


def test_a_sentence_goes_to_the_model_where_there_is_one(place, pipeline):
    asked = []

    def ask(sample, field, sentence, current):
        asked.append((field.path, sentence, current))
        return "lower(name)"

    tools = Tools(generate=by_equal_names, ask=ask)
    job = pipeline.get_jobs()[0].id
    workshop = Job.get_job_by_id(job, project=replace(place, tools=tools)).create_workshop()
    result = workshop.run_prompt({"name": "make it whisper"})
    assert asked == [("name", "make it whisper", "name")]
    assert described(result) == ["~ name: name -> lower(name)"]


@pytest.mark.parametrize(
    ("edit", "error", "said"),
    [
        (lambda w: w.run_mapper({"nmae": "name"}), InvalidRequestError, "did you mean 'name'"),
        (lambda w: w.run_mapper({}), InvalidRequestError, "the edit changes nothing"),
        (lambda w: w.run_mapper({"name": "read_text('x')"}), FlowError, "read_text is not allowed"),
        (lambda w: w.run_mapper({"name": "upper("}), FlowError, "cannot be read as an expression"),
        (lambda w: w.run_mapper({"name": "nmae"}), PlanError, "no column 'nmae'"),
        (lambda w: w.run_mapper({"name": 7.5, "id": ["x"]}), FlowError, "mapping"),
        (lambda w: w.run_sample({"index": 9}), InvalidRequestError, "there is no mapped_record"),
        (
            lambda w: w.run_sample({"index": 9, "mapped_record": {"id": 1}}),
            InvalidRequestError,
            "there is no record 9: the job has 3",
        ),
        (
            lambda w: w.run_sample({"index": 0, "mapped_record": {"nmae": 1}}),
            InvalidRequestError,
            "there is no target field 'nmae'",
        ),
        (
            lambda w: w.run_prompt({"name": "do what is right"}),
            InvalidRequestError,
            "is not understood",
        ),
        (
            lambda w: w.run_prompt({"name": "use column nmae"}),
            InvalidRequestError,
            "names 'nmae', which is no source column",
        ),
        (lambda w: w.run_target_schema({"type": "array"}), FlowError, "type"),
    ],
)  # fmt: skip
def test_an_edit_that_cannot_be_made_gets_a_sentence_and_leaves_the_session(
    pipeline, edit, error, said
):
    workshop = pipeline.create_workshop()
    before = dict(workshop.get_mapper())
    with pytest.raises(error, match=said):
        edit(workshop)
    assert dict(workshop.get_mapper()) == before
    assert workshop.edits == ()


# -- deploy ---------------------------------------------------------------------------------------


def test_nothing_in_the_library_changes_before_deploy_and_everything_after(place, pipeline):
    before = texts_in(place.flows)
    workshop = pipeline.create_workshop()
    workshop.run_mapper({"city": "trim(city)"})
    assert texts_in(place.flows) == before
    assert pipeline.get_mapper()["city"] == "city"
    assert workshop.deploy(author="Grace", note="no spaces") == "people:v2"
    assert pipeline.get_mapper()["city"] == "trim(city)"
    assert place.library.active("people") == 2
    entry = place.library.lock("people").newest
    assert (entry.author, entry.note) == ("Grace", "no spaces")
    assert pipeline.run_pipeline(RECORDS).get_mappings().items[0].mapped_record["city"] == "London"


def test_the_mapping_stands_in_the_flow_file_a_line_a_field(place, pipeline):
    workshop = pipeline.create_workshop()
    workshop.run_mapper({"city": "trim(city)"}, auto_deploy=True)
    lines = (place.flows / "people" / "flow.yaml").read_text().splitlines()
    assert "  city: trim(city)" in lines
    assert sum(line.startswith("  ") for line in lines[lines.index("mapping:") :]) == 4


def test_auto_deploy_deploys_what_came_out(pipeline):
    workshop = pipeline.create_workshop()
    workshop.run_mapper({"city": "upper(city)"}, auto_deploy=True)
    assert pipeline.get_mapper().version == "people:v2"
    with pytest.raises(InvalidRequestError, match="maps no row, and is not deployed"):
        workshop.run_mapper({"state": "city"}, auto_deploy=True)


def test_the_status_is_deployed_until_something_is_run_again(pipeline):
    workshop = pipeline.create_workshop()
    assert workshop.status == "CREATED"
    workshop.run_mapper({"city": "trim(city)"})
    assert workshop.status == "FINISHED"
    workshop.deploy()
    assert workshop.status == "DEPLOYED"
    workshop.run_mapper({"state": "city"})
    assert workshop.status == "NEEDS_REVIEW"


def test_a_session_survives_a_restart(place, pipeline):
    workshop = pipeline.create_workshop()
    workshop.run_mapper({"city": "trim(city)"})
    again = Workshop.get_by_id(workshop.id, project=place)
    assert again.get_mapper()["city"] == "trim(city)"
    assert [(e.kind, e.fields) for e in again.edits] == [("mapper", ("city",))]
    assert [r.workshop_id for r in again.get_results()] == [workshop.id]
    assert again.deploy() == "people:v2"


def test_edits_of_one_session_at_once_are_made_one_after_the_other(pipeline):
    workshop = pipeline.create_workshop()
    edits = [{"city": "trim(city)"}, {"name": "upper(name)"}, {"id": "id::INT + 1"}]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(workshop.run_mapper, edits))
    assert dict(workshop.get_mapper()) == {
        "id": "id::INT + 1",
        "name": "upper(name)",
        "city": "trim(city)",
        "state": "state",
    }
    assert len(workshop.edits) == 3


def test_deploying_twice_says_that_there_is_nothing_to_deploy(pipeline):
    workshop = pipeline.create_workshop()
    with pytest.raises(InvalidRequestError, match="people:v1, which is active, says the same"):
        workshop.deploy()


def test_a_mapping_that_could_map_no_row_is_not_deployed(place):
    pipeline = people_in(place)
    pipeline.create_job(RECORDS)
    workshop = pipeline.create_workshop()
    workshop.run_mapper({"id": "id"})
    with pytest.raises(InvalidRequestError, match="name is required and made from nothing"):
        workshop.deploy()
    workshop.run_mapper({"name": "name"})
    assert workshop.deploy() == "people:v1"


def test_a_workshop_needs_a_job(place):
    with pytest.raises(InvalidRequestError, match="people has no job"):
        people_in(place).create_workshop()


def test_what_the_deployed_mapping_cannot_map_is_said_and_not_compared(place, pipeline):
    workshop = pipeline.create_job([{"nr": 1, "name": "Ada"}]).create_workshop()
    with pytest.raises(PlanError, match="no column 'id'"):
        workshop.run_mapper({"name": "upper(name)"})
    edits = {"id": "nr", "city": None, "state": None}
    result = workshop.run_mapper(edits)
    assert "people:v1 cannot map this data" in result.not_compared
    assert result.changed_rows is None
    with pytest.raises(InvalidRequestError, match="rows cannot be compared"):
        result.get_changes()
    assert described(result) == ["~ id: id -> nr", "- city: city", "- state: state"]


def test_nested_numbers_and_dates_are_taught_by_value(place):
    schema = {
        "type": "object",
        "required": ["at"],
        "properties": {
            "place": {
                "type": "object",
                "required": ["zip"],
                "properties": {"zip": {"type": "string"}, "city": {"type": "string"}},
            },
            "size": {"type": "number"},
            "at": {"type": "string", "format": "date-time"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
    }
    pipeline = Pipeline.create("nested", schema, project=place)
    pipeline.create_job({"a": {"town": "Ulm"}, "n": "7", "t": "2024-01-02T03:04:05", "l": ["x"]})
    workshop = pipeline.create_workshop()
    wanted = {"place": {"city": "ULM"}, "size": 7.0, "at": "2024-01-02T03:04:05"}
    result = workshop.run_sample({"index": 0, "mapped_record": wanted})
    assert described(result) == ["+ place.city: upper(a.town)", "+ size: n", "+ at: t"]
    with pytest.raises(InvalidRequestError, match="tags lies in a list, or is one"):
        workshop.run_sample({"index": 0, "mapped_record": {"tags": ["x"]}})
