"""Publish, resolve, activate: a version is frozen, and the audit trail says who did what when."""

from __future__ import annotations

import multiprocessing
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lume_dagster.errors import EngineError, FlowError, InvalidRequestError
from lume_dagster.flows.diff import ABSENT, render_diff
from lume_dagster.flows.library import Library
from lume_dagster.flows.lock_file import write_lock
from lume_dagster.flows.publishing import publish
from lume_dagster.flows.yaml_text import MAX_BYTES
from lume_dagster_tests.flows.sample import TEXT, edit, library

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def books(tmp_path):
    """A library with people:v1, and a draft that says something else."""
    made = library(tmp_path)
    made.publish("people", author="ada", note="first", at=NOON)
    edit(made.folder / "people/flow.yaml", "trim(full_name)", "upper(full_name)")
    return made


def test_the_first_version_is_active(books):
    version = books.resolve("people")
    assert (version.name, version.published) == ("people:v1", True)
    assert version.flow.mapping["name"] == "trim(full_name)"


def test_a_later_version_waits_to_be_activated(books):
    assert books.publish("people", author="bob").name == "people:v2"
    assert (books.versions("people"), books.active("people")) == ((1, 2), 1)
    assert books.resolve("people:v2").flow.mapping["name"] == "upper(full_name)"


def test_the_draft_has_the_number_it_would_get(books):
    draft = books.resolve("people:draft")
    assert (draft.name, draft.published) == ("people:v2", False)
    assert draft.digest != books.resolve("people:v1").digest


def test_activating_goes_forward_and_back_and_leaves_a_trail(books):
    books.publish("people", author="bob", note="upper case", at=NOON)
    books.activate("people:v2", author="bob", note="go", at=NOON)
    books.activate("people:v1", author="eve", note="back", at=NOON)
    lock = books.lock("people")
    assert [(v.version, v.author, v.note) for v in lock.versions] == [
        (1, "ada", "first"),
        (2, "bob", "upper case"),
    ]
    assert [(a.before, a.after, a.author, a.note) for a in lock.activations] == [
        (None, 1, "ada", "first version"),
        (1, 2, "bob", "go"),
        (2, 1, "eve", "back"),
    ]
    assert {a.at for a in lock.activations} == {"2026-03-01T12:00:00Z"}


def test_each_way_back_leads_one_version_further(books):
    for note in ("two", "three"):
        made = books.publish("people", author="bob", note=note, force=True)
        books.activate(made.name, author="bob")
    ways = []
    while (earlier := books.lock("people").earlier) is not None:
        books.activate(f"people:v{earlier}", author="eve")
        ways.append(earlier)
    assert ways == [2, 1]
    books.activate("people:v3", author="eve")
    assert books.lock("people").earlier == 1


def test_activating_what_is_active_writes_nothing(books):
    before = (books.folder / "people/flow.lock").read_bytes()
    books.activate("people:v1", author="eve")
    assert (books.folder / "people/flow.lock").read_bytes() == before


def test_a_seed_that_is_edited_for_the_next_version_leaves_the_last_alone(books):
    edit(books.folder / "people/seeds/countries.csv", "Norway", "Noreg")
    folder = Path(books.resolve("people:v1").folder)
    assert "Norway" in (folder / "seeds/countries.csv").read_text()
    assert books.publish("people", author="ada").version == 2


def test_a_draft_that_says_nothing_new_is_not_published(books):
    books.publish("people", author="ada")
    text = books.folder / "people/flow.yaml"
    text.write_text("# a remark\n" + text.read_text())
    with pytest.raises(InvalidRequestError, match="the draft of people says what v2 says"):
        books.publish("people", author="ada")
    assert books.publish("people", author="ada", force=True).version == 3


@pytest.mark.parametrize("author", ["", "  ", "ada\nbob"])
def test_a_version_needs_an_author_of_one_line(books, author):
    with pytest.raises(InvalidRequestError, match="author"):
        books.publish("people", author=author)


def test_a_draft_cannot_be_active(books):
    with pytest.raises(InvalidRequestError, match="is a draft and cannot be active"):
        books.activate("people:draft", author="ada")


def test_a_draft_with_problems_is_not_published_and_leaves_nothing(books):
    edit(books.folder / "people/flow.yaml", "  name: upper(full_name)\n", "")
    with pytest.raises(FlowError, match=r"flow\.yaml:\d+:\d+: mapping: name is required"):
        books.publish("people", author="ada")
    assert sorted(p.name for p in (books.folder / "people").iterdir()) == [
        "flow.lock", "flow.yaml", "seeds", "v1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("poeple", r"no flow 'poeple' .*\nHint: did you mean 'people'\?$"),
        ("v2", r"no flow 'v2' .*\nHint: a version is written with its flow, as in people:v2"),
        ("people:v7", r"no version 'v7'\.\nHint: .*it has v1, active, draft"),
        ("people:1", r"no version '1'\.\nHint: did you mean 'v1'\?"),
        ("people:v01", "no version 'v01'"),
        ("people:v-1", "no version 'v-1'"),
        ("../people", "no flow '../people'"),
        ("people/v1", "no flow 'people/v1'"),
        ("/etc", "no flow '/etc'"),
        (".", r"no flow '\.'"),
        ("", "no flow ''"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(books, address, says):
    with pytest.raises(InvalidRequestError, match=says):
        books.resolve(address)


def test_before_the_first_version_the_draft_is_offered(tmp_path):
    made = library(tmp_path)
    with pytest.raises(InvalidRequestError, match=r"no published version\.\nHint: .*people:draft"):
        made.resolve("people")


def test_a_library_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InvalidRequestError, match="there is no library folder .*nowhere"):
        Library(tmp_path / "nowhere").flows()


# -- differences ------------------------------------------------------------------------------


def test_versions_differ_part_by_part(books):
    draft = books.folder / "people/flow.yaml"
    edit(draft, "    name: {type: string}\n", "    name: {type: string, minLength: 2}\n")
    edit(draft, "errors: {max_error_rate: 0.5}\n", "")
    edit(draft, "key: [id]", "key: [id], write: merge")
    edit(books.folder / "people/seeds/countries.csv", "Norway", "Noreg")
    changes = {c.path: (c.before, c.after) for c in books.diff("people:v1", "people:draft")}
    digests = changes.pop("seeds.countries.content")
    assert digests[0] != digests[1]
    assert changes == {
        "mapping.name": ("trim(full_name)", "upper(full_name)"),
        "schema.properties.name.minLength": (ABSENT, 2),
        "errors.max_error_rate": (0.5, ABSENT),
        "target.write": (ABSENT, "merge"),
    }


def test_a_difference_is_shown_for_people(books):
    shown = render_diff(books.diff("people:v1", "people:draft"), "people:v1", "people:draft")
    assert shown == "~ mapping.name: trim(full_name) -> upper(full_name)"


def test_equal_versions_have_no_difference(books):
    assert render_diff((), "people", "people:v1") == "people and people:v1 say the same."


def test_the_order_of_columns_is_a_difference(books):
    draft = books.folder / "people/flow.yaml"
    draft.write_text(TEXT)
    edit(draft, "    name: {type: string}\n", "")
    edit(draft, "  properties:\n", "  properties:\n    name: {type: string}\n")
    (change,) = books.diff("people:v1", "people:draft")
    assert change.path == "schema.properties (order)"
    assert books.publish("people", author="ada").version == 2


# -- many at once -----------------------------------------------------------------------------


def _publish_by_force(folder: Path, author: str, gate: object) -> None:
    gate.wait()
    for _ in range(5):
        publish(folder, author=author, force=True)


def test_two_processes_that_publish_at_once_make_two_versions_each(books):
    context = multiprocessing.get_context("spawn")
    gate, home = context.Barrier(2), books.folder / "people"
    workers = [
        context.Process(target=_publish_by_force, args=(home, author, gate))
        for author in ("bob", "eve")
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(300)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert books.versions("people") == tuple(range(1, 12))
    authors = [v.author for v in books.lock("people").versions[1:]]
    assert (authors.count("bob"), authors.count("eve")) == (5, 5)
    assert books.load_all().problems == ()


def test_a_publishing_that_was_cut_off_after_the_lock_is_finished_by_the_next_reader(books):
    home = books.folder / "people"
    (home / "v1").rename(home / ".publishing-v1")
    assert books.resolve("people:v1").version == 1
    assert (home / "v1").is_dir()


def test_a_publishing_that_was_cut_off_before_the_lock_never_was(books):
    left = books.folder / "people/.publishing-v2"
    left.mkdir()
    (left / "flow.yaml").write_text("half")
    assert books.versions("people") == (1,)
    assert books.publish("people", author="ada").version == 2
    assert not left.exists()


def test_a_folder_that_takes_no_writing_is_named(tmp_path, books):
    home = books.folder / "people"
    (home / ".publishing-v2").symlink_to(tmp_path)
    with pytest.raises(EngineError, match="publishing-v2|people"):
        books.publish("people", author="ada")
    assert books.versions("people") == (1,)


# -- all of them ------------------------------------------------------------------------------


def test_every_problem_of_every_flow_is_found_at_once(books):
    library(books.folder.parent, TEXT.replace("people", "pets").replace("trim(", "tr("), "pets")
    edit(books.folder / "people/flow.yaml", "{unique: id}", "{unique: ident}")
    edit(books.folder / "people/v1/flow.yaml", "trim(", "lower(")
    edit(books.folder / "pets/flow.yaml", "  id: number\n", "")
    (books.folder / "pets/v3").mkdir()
    (books.folder / "pets/flow.yml").write_text("x")
    loaded = books.load_all()
    told = "\n".join(map(str, loaded.problems))
    assert [Path(p.file).relative_to(books.folder).as_posix() for p in loaded.problems] == [
        "people/v1/flow.yaml", "people/flow.yaml", "pets/flow.yml", "pets/v3", "pets/flow.yaml",
    ]  # fmt: skip
    for said in ("mapping.name changed", "'ident'", "call it flow.yaml", "does not know it"):
        assert said in told
    with pytest.raises(FlowError, match="5 problems:"):
        loaded.require()


def test_one_broken_flow_does_not_keep_the_others_from_loading(books):
    library(books.folder.parent, "lume: [", "pets")
    loaded = books.load_all()
    assert [v.name for v in loaded.versions] == ["people:v1"]
    assert [d.name for d in loaded.drafts] == ["people:v2"]
    assert loaded.active == (("people", 1),)


def test_a_draft_in_a_folder_of_another_name_is_refused(tmp_path):
    made = library(tmp_path, TEXT, "persons")
    with pytest.raises(FlowError, match="flow: is 'people', the folder is 'persons'"):
        made.resolve("persons:draft")


def test_the_examples_load_and_are_what_was_published():
    loaded = Library(ROOT / "examples/flows").load_all()
    assert loaded.problems == ()
    assert {v.flow.flow for v in loaded.versions} == {"flights", "orders"}


def test_the_starter_loads():
    loaded = Library(ROOT / "lume_dagster/cli/starter/flows").load_all()
    assert (loaded.problems, [d.flow.flow for d in loaded.drafts]) == ((), ["contacts"])


def test_a_thousand_versions_of_a_flow_load(books):
    """Their lock file is larger than a flow file may be."""
    home, lock = books.folder / "people", books.lock("people")
    numbers = range(1, 1001)
    for number in numbers[1:]:
        shutil.copytree(home / "v1", home / f"v{number}")
    entries = (
        lock.versions[0].model_copy(update={"version": n, "note": "n" * 400}) for n in numbers
    )
    write_lock(home, lock.model_copy(update={"versions": tuple(entries)}))
    assert (home / "flow.lock").stat().st_size > MAX_BYTES
    loaded = books.load_all()
    assert (len(loaded.versions), loaded.problems) == (1000, ())
