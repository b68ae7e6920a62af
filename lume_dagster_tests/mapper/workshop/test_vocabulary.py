"""Learning lookups, scoring them, and sentences on the data as a whole, with the real mapper."""

from __future__ import annotations

import pytest

from lume_dagster.client.pipelines import Pipeline
from lume_dagster.client.results import Result
from lume_dagster.client.tools import make_tools
from lume_dagster.errors import InvalidRequestError
from lume_dagster.mapper.workshop.tools import Tools
from lume_dagster_tests.mapper.workshop.shop import place_in

STATE = {"type": "string", "enum": ["open", "closed", "lost"]}
SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "state": STATE,
        "opened": {"type": "string", "format": "date"},
        "amount": {"type": "number"},
    },
}
RECORDS = [
    {"id": n, "state": "zq" if n % 2 else "open", "opened": f"0{n}/0{n}/2024", "amount": f"{n},000"}
    for n in range(1, 10)
]


@pytest.fixture
def shop(tmp_path):
    place = place_in(tmp_path)
    return place_in(tmp_path, tools=make_tools(place.settings))


def pipeline_in(shop, name="orders", records=RECORDS, **properties):
    schema = {**SCHEMA, "properties": {**SCHEMA["properties"], **properties}}
    pipeline = Pipeline.create(name, schema, project=shop)
    return pipeline, pipeline.run_pipeline(records)


CODES = "code_list(state, {'zq': 'lost', 'open': 'open'})"


def test_a_corrected_pair_is_learned_and_used_in_another_pipeline(shop):
    pipeline, _ = pipeline_in(shop)
    workshop = pipeline.create_workshop()
    workshop.run_mapper({"state": CODES})
    workshop.deploy()
    assert pipeline.learn(["state"]) == {"state": {"zq": "lost", "open": "open"}}
    records = [{**r, "state": ["ZQ", "closed"][r["id"] % 2]} for r in RECORDS]
    told, _ = pipeline_in(shop, "others", records)
    assert "'zq': 'lost'" in told.get_mapper()["state"]


def test_before_it_is_learned_nobody_knows_the_code(shop):
    _, result = pipeline_in(shop)
    assert "'zq'" not in result.mapper.get("state", "")


def test_what_is_learned_stands_in_the_review_and_later_decisions_keep_it(shop):
    pipeline, _ = pipeline_in(shop)
    workshop = pipeline.create_workshop()
    workshop.run_mapper({"state": CODES})
    workshop.deploy()
    pipeline.learn()
    pipeline.review("id", "APPROVED")
    text = (shop.flows / "orders" / "review.yaml").read_text("utf-8")
    assert "learned:\n  state:\n    zq: lost\n    open: open\n" in text


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["stat"], "there is no target field 'stat'"),
        (["id"], "id has no lookup table"),
        (["state"], "nobody has reviewed the lookup table of state"),
        (None, "orders has no lookup table that anybody has reviewed"),
    ],
)
def test_only_reviewed_lookups_are_learned(shop, names, sentence):
    pipeline, _ = pipeline_in(shop)
    result = pipeline.create_workshop().run_mapper({"state": CODES})
    path = shop.flows / "orders" / "flow.yaml"
    path.write_text(path.read_text("utf-8").replace("mapping:", "mapping:\n", 1), "utf-8")
    if names == ["state"]:
        pipeline.create_workshop().run_mapper({"state": CODES}, auto_deploy=True)
        pipeline.review("state", "FLAGGED")
    assert result.mapper["state"] == CODES
    with pytest.raises(InvalidRequestError, match=sentence):
        pipeline.learn(names)


def test_each_pair_of_a_lookup_is_scored_and_the_spec_says_so(shop):
    pipeline, _ = pipeline_in(shop)
    wrong = "code_list(state, {'opened': 'open', 'open': 'closed', 'clsd': 'closed', 'zq': 'lost'})"
    result = pipeline.create_workshop().run_mapper({"state": wrong})
    scores = result.generate_confidence_scores()
    assert scores["state"]["opened"] in ("Confident", "Very High", "High")
    assert scores["state"]["clsd"] in ("Very High", "High", "Medium")
    assert scores["state"]["open"] == "Incorrect"
    assert scores["state"]["zq"] in ("Low", "Very Low", "Incorrect")
    again = Result.get_by_id(result.id, project=shop)
    assert again.get_spec()["state"]["confidence_score"]["lookup_confidence"] == scores["state"]


def test_scoring_that_takes_too_long_is_given_up(shop):
    pipeline, _ = pipeline_in(shop)
    result = pipeline.create_workshop().run_mapper({"state": CODES})
    with pytest.raises(InvalidRequestError, match="takes longer than 0 s"):
        result.generate_confidence_scores(timeout=0)


@pytest.mark.parametrize(
    ("sentence", "path", "expression"),
    [
        ("dates have the month first", "opened", "parse_date(opened, '%m/%d/%Y')"),
        ("Dates are day-first.", "opened", "parse_date(opened, '%d/%m/%Y')"),
        ("the dates are in the format mm/dd/yyyy", "opened", "parse_date(opened, '%m/%d/%Y')"),
        ("Numbers have a decimal comma", "amount", "parse_number(amount, ',')"),
    ],
)
def test_a_sentence_on_the_data_changes_what_it_speaks_of(shop, sentence, path, expression):
    pipeline, before = pipeline_in(shop)
    result = pipeline.create_workshop().run_global_edit({"source_context": sentence})
    assert result.mapper[path] == expression
    same = {p for p in before.mapper if p != path}
    assert {p: result.mapper[p] for p in same} == {p: before.mapper[p] for p in same}


def test_several_sentences_change_several_fields(shop):
    pipeline, _ = pipeline_in(shop, closed_on={"type": "string", "format": "date"})
    text = "dates have the month first; numbers have a decimal comma. The code zq means lost."
    result = pipeline.create_workshop().run_global_edit({"source_context": text})
    changed = {change.path for change in result.changed_fields}
    assert {"opened", "amount", "state"} <= changed
    assert "'zq': 'lost'" in result.mapper["state"]


def test_a_column_is_told_by_name_and_a_text_is_told_to_mean_nothing(shop):
    records = [{"k9": f"v{n}", "id": n, "amount": "12" if n else "x.y"} for n in range(9)]
    pipeline, _ = pipeline_in(shop, "named", records, remark={"type": "string"})
    workshop = pipeline.create_workshop()
    result = workshop.run_global_edit({"source_context": "k9 means remark; 'x.y' means no value"})
    assert result.mapper["remark"] == "k9"
    assert tuple(result.mapper.flow.source.format.nulls) == ("x.y",)


def test_what_people_have_approved_is_kept(shop):
    pipeline, _ = pipeline_in(shop)
    pipeline.review("opened", "APPROVED")
    result = pipeline.create_workshop().run_global_edit(
        {"source_context": "dates have the month first"}
    )
    assert result.changed_fields == ()


def test_earlier_edits_of_the_session_are_kept(shop):
    pipeline, _ = pipeline_in(shop)
    workshop = pipeline.create_workshop()
    workshop.run_mapper({"id": "id::INT + 1", "state": "code_list(state, {'open': 'closed'})"})
    result = workshop.run_global_edit({"source_context": "the code zq means lost"})
    assert result.mapper["id"] == "id::INT + 1"
    assert dict(result.get_spec()["state"]["@lookup"]) == {"open": "closed", "zq": "lost"}


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        ({"source_context": "make it nice"}, "'make it nice' is not understood"),
        ({"source_context": " ; "}, "says nothing"),
        ({"source_context": "zq means purple"}, "'zq' cannot mean 'purple'"),
        ({"context": "x"}, "cannot be read"),
        ({}, "cannot be read"),
    ],
)
def test_what_is_not_understood_is_said(shop, edit, sentence):
    pipeline, _ = pipeline_in(shop)
    with pytest.raises(InvalidRequestError, match=sentence):
        pipeline.create_workshop().run_global_edit(edit)


def test_without_a_generator_a_global_edit_is_refused(tmp_path):
    place = place_in(tmp_path, tools=Tools())
    pipeline = Pipeline.create("orders", SCHEMA, project=place)
    pipeline.create_job(RECORDS)
    with pytest.raises(Exception, match="lume-dagster\\[mapper\\]"):
        pipeline.create_workshop().run_global_edit({"source_context": "numbers have a point"})
