"""Drafts are written, and deployed, only onto what the writer had seen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from lume_dagster.errors import FlowError, InvalidRequestError, OutdatedError
from lume_dagster.flows.drafts import (
    create_draft,
    deploy,
    standing_of,
    write_draft,
)
from lume_dagster.flows.flow_file import parse
from lume_dagster.flows.library import Library
from lume_dagster_tests.flows.sample import flow_text


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "people"
    create_draft(folder, "# who is who\n" + flow_text())
    return folder


def flow(expression):
    return parse(flow_text(mapping={"id": expression}))


def test_a_deploy_writes_the_draft_publishes_and_activates(home):
    version = deploy(home, flow("nr"), standing_of(home), author="Ada", note="first")
    library = Library(home.parent)
    assert (version.name, library.active("people")) == ("people:v1", 1)
    assert library.resolve("people").flow == library.resolve("people:draft").flow
    deploy(home, flow("number"), standing_of(home), author="Ada", note="back")
    assert library.active("people") == 2
    assert library.lock("people").activations[-1].note == "back"
    assert (home / "flow.yaml").read_text().startswith("# who is who\n")


def test_what_was_deployed_in_the_meantime_is_not_overwritten(home):
    base = standing_of(home)
    deploy(home, flow("nr"), base, author="Ada", note="why not")
    with pytest.raises(OutdatedError, match=r"people:v1 was published by Ada at .* \(why not\)"):
        deploy(home, flow("x"), base, author="Max")
    with pytest.raises(OutdatedError, match="after this work on people began"):
        write_draft(home, flow("x"), base)
    assert Library(home.parent).resolve("people:draft").flow == flow("nr")


def test_of_many_who_deploy_at_once_one_does(home):
    base = standing_of(home)

    def attempt(number):
        try:
            return deploy(home, flow(f"c{number}"), base, author=f"p{number}").name
        except OutdatedError:
            return None

    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(attempt, range(8)))
    assert [name for name in names if name] == ["people:v1"]
    assert Library(home.parent).versions("people") == (1,)


def test_deploying_what_is_active_is_refused_and_what_was_rolled_back_is_activated(home):
    library = Library(home.parent)
    deploy(home, flow("a"), standing_of(home), author="Ada")
    with pytest.raises(InvalidRequestError, match="people:v1, which is active, says the same"):
        deploy(home, flow("a"), standing_of(home), author="Ada")
    deploy(home, flow("b"), standing_of(home), author="Ada")
    library.activate("people:v1", author="Max")
    assert deploy(home, flow("b"), standing_of(home), author="Ada").version == 2
    assert (library.active("people"), library.versions("people")) == (2, (1, 2))


def test_a_flow_is_created_once_and_needs_an_author(home):
    with pytest.raises(InvalidRequestError, match="there is a flow 'people' already"):
        create_draft(home, flow_text())
    with pytest.raises(InvalidRequestError, match="a version needs an author"):
        deploy(home, flow("a"), standing_of(home), author=" ")


def test_a_seed_that_is_not_there_leaves_the_draft_as_it_was(home):
    before = (home / "flow.yaml").read_text()
    seeds = {"x": {"path": "seeds/x.csv", "key": "k"}}
    with pytest.raises(FlowError, match="there is no seed file"):
        deploy(home, parse(flow_text(seeds=seeds)), standing_of(home), author="Ada")
    assert (home / "flow.yaml").read_text() == before
