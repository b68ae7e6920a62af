"""A published version that is not what was published is refused, by name and by difference."""

from __future__ import annotations

import hashlib
import shutil

import pytest

from lume_dagster.errors import FlowError, VersionChangedError
from lume_dagster_tests.flows.sample import edit, library


@pytest.fixture
def books(tmp_path):
    made = library(tmp_path)
    made.publish("people", author="ada")
    return made


@pytest.fixture
def home(books):
    return books.folder / "people"


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("trim(full_name)", "upper(full_name)", "mapping.name changed"),
        ("  country: lookup('countries', country, 'name')\n", "", "mapping.country is gone"),
        ("minimum: 1", "minimum: 2", "schema.properties.id changed"),
        ("[id, name]", "[id, name, country]", "schema.required changed"),
        ("on_fail: warn", "on_fail: fail", "rules.adult changed"),
        ("- {unique: id}", "- {row_count: {min: 1}}", r"checks\.unique\(id\) is gone"),
        ("key: [id]", "key: [id], write: merge", "target.write is new"),
        ("max_error_rate: 0.5", "max_error_rate: 0.6", "errors.max_error_rate changed"),
        ("trim(full_name)", "[", "no longer reads: .*is not YAML|must be"),
    ],
)
def test_a_changed_part_is_named(books, home, before, after, says):
    edit(home / "v1/flow.yaml", before, after)
    with pytest.raises(VersionChangedError, match=rf"people:v1 is not what was published .*{says}"):
        books.resolve("people")


def test_the_order_of_columns_is_part_of_a_version(books, home):
    edit(home / "v1/flow.yaml", "    name: {type: string}\n", "")
    edit(home / "v1/flow.yaml", "  properties:\n", "  properties:\n    name: {type: string}\n")
    with pytest.raises(VersionChangedError, match=r"schema.properties \(order\) changed"):
        books.resolve("people")


def test_one_character_of_a_seed_is_named(books, home):
    edit(home / "v1/seeds/countries.csv", "Norway", "Norwey")
    with pytest.raises(VersionChangedError, match=r"the seed seeds/countries\.csv changed"):
        books.resolve("people")


def test_a_deleted_seed_is_named(books, home):
    (home / "v1/seeds/countries.csv").unlink()
    with pytest.raises(VersionChangedError, match=r"there is no seed file .*countries\.csv"):
        books.resolve("people")


def test_a_seed_that_became_a_link_out_of_the_version_is_refused(books, home):
    (home / "v1/seeds/countries.csv").unlink()
    (home / "v1/seeds/countries.csv").symlink_to(home / "seeds/countries.csv")
    with pytest.raises(VersionChangedError, match="leads out of"):
        books.resolve("people")


@pytest.mark.parametrize("gone", ["v1/flow.yaml", "v1"])
def test_a_deleted_version_is_named(books, home, gone):
    path = home / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(VersionChangedError, match=r"v1/flow\.yaml is missing"):
        books.resolve("people")


def test_comments_and_layout_are_no_part_of_a_version(books, home):
    text = (home / "v1/flow.yaml").read_text()
    (home / "v1/flow.yaml").write_text("# a remark\n" + text.replace("{unique: id}", "unique: id"))
    assert books.resolve("people").version == 1


def test_the_draft_may_change(books, home):
    edit(home / "flow.yaml", "trim(", "upper(")
    assert books.resolve("people").flow.mapping["name"] == "trim(full_name)"


def test_the_hint_says_how_to_get_it_back(books, home):
    edit(home / "v1/flow.yaml", "trim(", "upper(")
    with pytest.raises(VersionChangedError, match=r"Hint: restore people/v1 \(git checkout\)"):
        books.resolve("people")


# -- the lock file ----------------------------------------------------------------------------


def forged(home, key, value):
    """The lock file with another value of a key of its only version."""
    lines = (home / "flow.lock").read_text().splitlines()
    at = next(n for n, line in enumerate(lines) if line.strip(" -").startswith(f"{key}:"))
    lines[at] = f"{lines[at].split(':')[0]}: {value}"
    (home / "flow.lock").write_text("\n".join(lines) + "\n")


def test_a_flow_and_its_bytes_in_the_lock_cannot_be_changed_together(books, home):
    edit(home / "v1/flow.yaml", "trim(", "upper(")
    forged(home, "file", hashlib.sha256((home / "v1/flow.yaml").read_bytes()).hexdigest())
    with pytest.raises(VersionChangedError, match=r"flow\.lock has another digest"):
        books.resolve("people")


def test_another_digest_in_the_lock_is_refused(books, home):
    forged(home, "digest", "f" * 64)
    with pytest.raises(VersionChangedError, match=r"flow\.lock has another digest"):
        books.resolve("people")


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("version: 1", "version: 2", "v1 is not where it should be"),
        ("after: 1", "after: 3", "v3 is active but not published"),
        ("after: 1", "before: 4, after: 1", "does not follow from the one before it"),
        ("flow: people", "flow: pets", "it belongs to the flow 'pets'"),
        ("lock: 1", "lock: 2", "lock: 2 is not one of 1"),
        ("digest: ", "digest: x", "versions.0..digest"),
        ("versions:", "versoins:", "'versoins' is not known here"),
        ("lock: 1", "<<<<<<< a\nlock: 1", "marks of a merge conflict"),
    ],
)
def test_an_edited_lock_is_refused(books, home, before, after, says):
    text = (home / "flow.lock").read_text()
    (home / "flow.lock").write_text(text.replace(before, after, 1))
    with pytest.raises(FlowError, match=says):
        books.resolve("people")


def test_a_version_that_was_taken_out_of_the_lock_is_missed(books, home):
    books.publish("people", author="ada", force=True)
    books.publish("people", author="ada", force=True)
    text = (home / "flow.lock").read_text()
    start, end = text.index("  - version: 2"), text.index("  - version: 3")
    (home / "flow.lock").write_text(text[:start] + text[end:])
    with pytest.raises(FlowError, match="v2 is not where it should be"):
        books.versions("people")


def test_a_lock_that_leads_nowhere_is_not_an_empty_lock(books, home):
    (home / "flow.lock").unlink()
    (home / "flow.lock").symlink_to(home / "gone")
    with pytest.raises(FlowError, match=r"flow\.lock: there is no such file"):
        books.versions("people")


def test_a_lock_that_was_deleted_is_asked_for_and_no_version_is_to_be_removed(books, home):
    (home / "flow.lock").unlink()
    for attempt in (
        lambda: books.resolve("people:v1"),
        lambda: books.versions("people"),
        lambda: books.publish("people", author="ada"),
        lambda: books.load_all().require(),
    ):
        with pytest.raises(FlowError, match=r"flow\.lock is missing.*: v1\.") as told:
            attempt()
        assert "restore it" in str(told.value)


def test_publishing_never_writes_over_a_folder_the_lock_does_not_know(books, home):
    (home / "v2").mkdir()
    with pytest.raises(FlowError, match="v2 is there, but the lock file does not know it"):
        books.publish("people", author="ada", force=True)
