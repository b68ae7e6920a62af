"""A model is asked about what is in lists: only of the list it is made from, and behind the veil."""

from __future__ import annotations

import pytest

from lume_dagster.flows.schema import TargetSchema
from lume_dagster.mapper.generate import Generator
from lume_dagster.mapper.proposal import Verdict
from lume_dagster_tests.mapper.model.bench import Asked, answers, proposer, said
from lume_dagster_tests.mapper.samples import sample_of
from lume_dagster_tests.mapper.samples import settings_of as engine_of

TEXT = {"type": "string"}
LINE = {"type": "object", "properties": {"colour": TEXT, "quantity": {"type": "integer"}}}
SCHEMA = {
    "type": "object",
    "properties": {
        "lines": {"type": "array", "items": LINE},
        "labels": {"type": "array", "items": TEXT},
    },
}
RECORDS = [
    {
        "items": [{"x9": "Zwetschge", "y8": "w", "qty": n}, {"x9": "Quitte", "y8": "v", "qty": 2}],
        "others": [{"x9": "Rhabarber"}],
        "zz": ["Feige"],
    }
    for n in range(1, 9)
]  # fmt: skip


def draft_of(folder, asked, **more):
    generator = Generator(engine_of(folder), proposer=proposer(asked, **more))
    return generator(sample_of(folder, RECORDS), TargetSchema.parse(SCHEMA))


def of_draft(draft, path):
    return next(p for p in draft.proposals if p.path == path)


def columns_in(prompt):
    return prompt.partition("<data>")[2].partition("</data>")[0]


def test_fields_of_items_are_asked_with_the_columns_of_their_list(tmp_path):
    asked = Asked(answers(said("f1", "upper(item.x9)", "c2"), said("f2", "zz", "c6")))
    draft = draft_of(tmp_path, asked)
    assert '"lines[].colour"' in asked.prompts[0]
    assert "items[].x9" in columns_in(asked.prompts[0])
    assert "others[].x9" not in asked.prompts[0]
    assert draft.mapping == {
        "lines": {
            "each": "items",
            "item": {"colour": "upper(item.x9)", "quantity": "item.qty"},
        },
        "labels": "zz",
    }
    colour = of_draft(draft, "lines[].colour")
    assert (colour.verdict, colour.sources) == (Verdict.REVIEW, ("items[].x9",))
    assert colour.shown[0].after == "ZWETSCHGE"


def test_an_expression_of_another_list_does_not_stand(tmp_path):
    asked = Asked(answers(said("f1", "items.x9", "c2"), said("f2", None)))
    draft = draft_of(tmp_path, asked)
    assert of_draft(draft, "lines[].colour").expression is None
    assert len(asked.prompts) > 1  # it was told what is wrong


@pytest.mark.parametrize("privacy", ["names", "shapes"])
def test_no_value_of_an_item_leaves_but_where_samples_may(tmp_path, privacy):
    asked = Asked(
        answers(said("f1", "CAST(item.x9 AS INTEGER)", "c2"), said("f2", "CAST(zz AS DATE)", "c6"))
    )
    draft_of(tmp_path, asked, privacy=privacy)
    assert len(asked.prompts) > 1
    for prompt in asked.prompts:
        assert not any(v in prompt for v in ("Zwetschge", "Quitte", "Rhabarber", "Feige"))


def test_samples_of_items_leave_where_a_person_says_so(tmp_path):
    asked = Asked(answers(said("f1", "item.x9", "c2"), said("f2", "zz", "c6")))
    draft_of(tmp_path, asked, privacy="samples")
    assert "Zwetschge" in asked.prompts[0]
