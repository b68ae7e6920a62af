"""Two editing sessions on one pipeline: nobody's work is written over in silence."""

from __future__ import annotations

import pytest

from lume_dagster.errors import InvalidRequestError
from lume_dagster_tests.mapper.workshop.shop import (
    SCHEMA,
)


def described(result):
    return [str(change) for change in result.changed_fields]


def test_a_second_deploy_on_an_outdated_base_is_refused_with_who_deployed_what(place, pipeline):
    one, two = pipeline.create_workshop(), pipeline.create_workshop()
    one.run_mapper({"city": "trim(city)"})
    two.run_mapper({"name": "upper(name)"})
    one.deploy(author="Grace", note="no spaces")
    with pytest.raises(
        InvalidRequestError, match=r"people:v2 was published by Grace at .* \(no spaces\)"
    ):
        two.deploy()
    assert place.library.versions("people") == (1, 2)
    assert two.rebase() == ()
    assert two.deploy() == "people:v3"
    assert dict(pipeline.get_mapper()) == {
        "id": "id",
        "name": "upper(name)",
        "city": "trim(city)",
        "state": "state",
    }


def test_a_field_that_both_changed_is_a_conflict_until_it_is_settled(pipeline):
    one, two = pipeline.create_workshop(), pipeline.create_workshop()
    one.run_mapper({"city": "trim(city)"}, auto_deploy=True)
    two.run_mapper({"city": "upper(city)", "name": "lower(name)"})
    (conflict,) = two.rebase()
    assert (conflict.part, conflict.base, conflict.mine, conflict.theirs) == (
        "city",
        "city",
        "upper(city)",
        "trim(city)",
    )
    with pytest.raises(InvalidRequestError, match="was published by Ada"):
        two.deploy()
    with pytest.raises(InvalidRequestError, match="'name' is no conflict"):
        two.rebase({"name": "mine"})
    assert two.rebase({"city": "mine"}) == ()
    two.deploy()
    assert pipeline.get_mapper()["city"] == "upper(city)"


def test_schema_edits_of_two_are_put_together(pipeline):
    one, two = pipeline.create_workshop(), pipeline.create_workshop()
    properties = SCHEMA["properties"]
    one.run_target_schema({**SCHEMA, "properties": {**properties, "a": {"type": "string"}}})
    one.deploy()
    two.run_target_schema({**SCHEMA, "properties": {**properties, "b": {"type": "string"}}})
    assert two.rebase() == ()
    two.deploy()
    assert list(pipeline.get_target_schema()["properties"]) == [*properties, "a", "b"]
    assert pipeline.get_target_schema()["required"] == ["id", "name"]


def test_a_draft_that_was_edited_by_hand_is_not_overwritten(place, pipeline):
    workshop = pipeline.create_workshop()
    workshop.run_mapper({"city": "trim(city)"})
    file = place.flows / "people" / "flow.yaml"
    by_hand = file.read_text().replace("  name: name", "  name: lower(name)")
    file.write_text(f"# by hand\n{by_hand}")
    with pytest.raises(InvalidRequestError, match=r"flow\.yaml was edited"):
        workshop.deploy()
    assert workshop.rebase() == ()
    workshop.deploy()
    assert "# by hand" in file.read_text()
    assert pipeline.get_mapper()["name"] == "lower(name)"


def test_a_version_that_was_rolled_back_is_not_passed_over(place, pipeline):
    workshop = pipeline.create_workshop()
    workshop.run_mapper({"city": "trim(city)"}, auto_deploy=True)
    workshop.run_mapper({"name": "upper(name)"})
    place.library.activate("people:v1", author="Grace")
    with pytest.raises(InvalidRequestError, match="people:v1 was activated by Grace"):
        workshop.deploy()
