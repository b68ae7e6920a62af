"""What people decide of fields is kept beside the draft, pinned, and remembered by other flows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lume_dagster.client.pipelines import Pipeline
from lume_dagster.errors import FlowError, InvalidRequestError
from lume_dagster.mapper.proposal import Decision
from lume_dagster.mapper.review import REVIEW_NAME, read_review, remembered
from lume_dagster.mapper.workshop.tools import Tools
from lume_dagster_tests.mapper.workshop.shop import (
    RECORDS,
    SCHEMA,
    by_equal_names,
    people_in,
    place_in,
)


@pytest.fixture
def place(tmp_path):
    return place_in(tmp_path)


@pytest.fixture
def pipeline(place):
    pipeline = people_in(place)
    pipeline.run_pipeline(RECORDS)
    return pipeline


def test_decisions_stand_beside_the_draft_with_who_when_and_why(place, pipeline):
    pipeline.review(["id", "name"], "approved", note="checked with sales")
    pipeline.review("city", Decision.FLAGGED)
    assert pipeline.get_review() == {
        "id": "APPROVED",
        "name": "APPROVED",
        "city": "FLAGGED",
        "state": "NOT_REVIEWED",
    }
    kept = read_review(place.flows / "people").fields["name"]
    assert (kept.author, kept.note, kept.expression) == ("Ada", "checked with sales", "name")
    pipeline.review("city", "NOT_REVIEWED")
    assert "city" not in read_review(place.flows / "people").fields


def test_a_decision_is_about_an_expression(pipeline):
    pipeline.review("city", "APPROVED")
    pipeline.create_workshop().run_mapper({"city": "trim(city)", "name": "name"}, auto_deploy=True)
    assert pipeline.get_review()["city"] == "PROPOSED"
    assert pipeline.get_review()["name"] == "NOT_REVIEWED"


def test_the_review_is_no_part_of_a_version(place, pipeline):
    digest = place.library.resolve("people:draft").digest
    pipeline.review("id", "APPROVED")
    assert place.library.resolve("people:draft").digest == digest
    pipeline.create_workshop().deploy()
    assert not (place.flows / "people" / "v1" / REVIEW_NAME).exists()
    assert place.library.load_all().require().active == (("people", 1),)


def test_a_generation_keeps_what_is_approved_or_proposed(place, pipeline):
    workshop = pipeline.create_workshop()
    workshop.run_mapper({"city": "trim(city)", "name": "upper(name)"})
    workshop.deploy()
    pipeline.review("city", "APPROVED")
    pipeline.review("name", "FLAGGED")
    told = []

    def forgetful(sample, schema, *, pinned, memory, beside):
        del beside
        told.append(dict(pinned))
        return by_equal_names(sample, schema, pinned={}, memory=())

    tools = Tools(generate=forgetful)
    again = Pipeline.get_pipeline_by_id("people", project=replace(place, tools=tools))
    result = again.create_workshop().run_generation()
    assert told == [{"city": "trim(city)"}]
    assert dict(result.mapper)["city"] == "trim(city)"
    assert dict(result.mapper)["name"] == "name"


def test_only_the_fields_that_are_named_are_generated_anew(pipeline):
    workshop = pipeline.create_workshop()
    workshop.run_mapper({"city": "'x'", "name": "'y'"})
    result = workshop.run_generation(["city"])
    assert (result.mapper["city"], result.mapper["name"]) == ("city", "'y'")
    with pytest.raises(InvalidRequestError, match="there is no target field 'town'"):
        workshop.run_generation(["town"])


def test_pinned_items_of_lists_speak_of_item(place):
    lines = {"type": "object", "properties": {"sku": {"type": "string"}}}
    schema = {
        "type": "object",
        "properties": {"id": {"type": "integer"}, "lines": {"type": "array", "items": lines}},
    }
    told = []

    def generate(sample, schema, *, pinned, memory, beside):
        del beside
        told.append(dict(pinned))
        return by_equal_names(sample, schema, pinned={"id": "id"}, memory=())

    place = replace(place, tools=Tools(generate=generate))
    pipeline = Pipeline.create("orders", schema, project=place)
    pipeline.create_job({"id": 1, "rows": [{"no": "a"}]})
    workshop = pipeline.create_workshop()
    node = {"each": "rows", "as": "line", "item": {"sku": "upper(line.no)"}}
    workshop.run_mapper({"lines": node}, auto_deploy=True)
    pipeline.review(["lines", "lines[].sku"], "APPROVED")
    result = pipeline.create_workshop().run_generation()
    assert told == [{"lines": "rows", "lines[].sku": "UPPER(item.no)"}]
    assert result.mapper.mapping["lines"] == node


def test_another_flow_with_the_same_field_remembers_it(place, pipeline):
    workshop = pipeline.create_workshop()
    codes = "code_list(state, {'California': 'CA', 'New York': 'NY'})"
    workshop.run_mapper({"state": codes})
    workshop.deploy()
    other = people_in(place, "clients")
    result = other.run_pipeline({"id": 1, "name": "x", "state": "California"})
    assert result.mapper["state"] == codes
    different = {**SCHEMA["properties"], "state": {"type": "string"}}
    third = people_in(place, "others", properties=different)
    assert third.run_pipeline({"id": 1, "name": "x", "state": "Texas"}).mapper["state"] == "state"


def test_what_nobody_stands_for_or_cannot_be_read_is_not_remembered(place, pipeline):
    schema = place.library.resolve("people:draft").flow.target_schema
    pipeline.review("name", "FLAGGED")
    assert remembered(place.library, schema, but="x") == ()
    pipeline.review("name", "APPROVED")
    assert [m.expression for m in remembered(place.library, schema, but="x")] == ["name"]
    assert remembered(place.library, schema, but="people") == ()
    (place.flows / "people" / "flow.yaml").write_text("nonsense")
    assert remembered(place.library, schema, but="x") == ()


def test_bad_decisions_get_a_sentence(place, pipeline):
    with pytest.raises(InvalidRequestError, match="there is no target field 'nmae'"):
        pipeline.review("nmae", "APPROVED")
    with pytest.raises(InvalidRequestError, match="'FINE' is no decision"):
        pipeline.review("name", "FINE")
    (place.flows / "people" / REVIEW_NAME).write_text("review: 1\nflow: others\n")
    with pytest.raises(FlowError, match="it belongs to the flow 'others'"):
        pipeline.get_review()
