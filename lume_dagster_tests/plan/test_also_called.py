"""A column may have other names in a batch, where the flow says so."""

from __future__ import annotations

import pytest

from lume_dagster.errors import FlowError, PlanError
from lume_dagster.flows.flow_file import parse, said
from lume_dagster.flows.yaml_text import write_yaml
from lume_dagster_tests.plan.mapping import flow_of, run


def mapped(columns, **also_called):
    """What ``dest || '!'`` gives of a batch with these columns, whose values are their names."""
    flow = flow_of({"y": {"type": "string"}}, {"y": "dest || '!'"})
    source = flow.source.model_copy(update={"also_called": also_called})
    outcome = run(flow.model_copy(update={"source": source}), [columns], columns)
    return outcome.mapped[0]["y"]


def test_another_name_counts_where_the_name_itself_is_not_there():
    assert mapped(["id", "Destination"], dest=("destination", "to")) == "Destination!"
    assert mapped(["to", "id"], dest=("destination", "to")) == "to!"


def test_the_name_itself_comes_first():
    assert mapped(["to", "dest"], dest=("to",)) == "dest!"


def test_two_other_names_in_one_batch_are_refused():
    with pytest.raises(PlanError, match="'dest' could be any of 'to', 'destination'"):
        mapped(["destination", "to"], dest=("to", "destination"))


def test_a_batch_without_any_of_the_names_is_refused():
    with pytest.raises(PlanError, match="the source has no column 'dest'"):
        mapped(["id"], dest=("to",))


def test_a_name_stands_for_one_column():
    value = said(flow_of({"y": {"type": "string"}}, {"y": "a"}))
    value["source"]["also_called"] = {"a": ["x"], "b": ["X"]}
    with pytest.raises(FlowError, match="'x' is listed twice"):
        parse(write_yaml(value))
