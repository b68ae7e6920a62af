"""A seed has one answer to a lookup, lies inside the library, and is read whatever its size."""

from __future__ import annotations

import re

import pytest

from lume_dagster.errors import FlowError
from lume_dagster.flows.model import Seed
from lume_dagster.flows.seeds import seed_columns, seed_path
from lume_dagster_tests.flows.sample import library


def draft_with(folder, content):
    made = library(folder)
    seed = made.folder / "people/seeds/countries.csv"
    seed.write_bytes(content if isinstance(content, bytes) else content.encode())
    return made.resolve("people:draft")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty.\nHint: its first line must name the columns"),
        ("kode,name\nNO,Norway\n", "has no column 'code', the key.\nHint: did you mean 'kode'?"),
        ("code;name\nNO;Norway\n", "Hint: its fields stand between ';': save it with commas"),
        ("code,name,name\n", "has two columns called 'name'."),
        ("code,\nNO,Norway\n", "has no name for column 2."),
        ("code,name\nNO,a\nPL,b\nNO,c\n", "keys that come more than once (1): 'NO'."),
        ("code,name\nNO,a\n,b\n", "countries.csv:3: the key 'code' is empty."),
        ("code,name\nNO,a,b\n", "countries.csv:2: 3 fields, the header has 2."),
        ('code,name\n"NO"x,a\n', "is not CSV"),
        (b"code,name\nNO,\xff\n", "is not UTF-8: byte 0xFF."),
    ],
)
def test_a_seed_that_cannot_be_looked_up_is_refused(tmp_path, content, says):
    with pytest.raises(FlowError, match=re.escape(says)) as caught:
        draft_with(tmp_path, content)
    (problem,) = caught.value.problems
    assert (problem.line, problem.path[:2]) == (6, ("seeds", "countries"))


def test_every_flaw_of_a_key_is_counted(tmp_path):
    rows = "".join(f"k{n},x\n" * 2 for n in range(5))
    with pytest.raises(FlowError, match=r"keys that come more than once \(5\): 'k0', 'k1', 'k2'"):
        draft_with(tmp_path, "code,name\n" + rows)


def test_a_seed_may_hold_commas_line_breaks_and_a_byte_order_mark(tmp_path):
    version = draft_with(tmp_path, '\ufeffcode,name\nNO,"Nor,\nway"\n')
    assert seed_columns(version) == {"countries": ("code", "name")}


def test_a_seed_that_is_not_there_is_named_with_what_is(tmp_path):
    made = library(tmp_path)
    home = made.folder / "people/seeds"
    (home / "countries.csv").rename(home / "country.csv")
    with pytest.raises(FlowError, match=r"no seed file .*\nHint: did you mean 'seeds/country.csv'"):
        made.resolve("people:draft")


def test_a_link_out_of_the_library_is_refused(tmp_path):
    made = library(tmp_path)
    seed = made.folder / "people/seeds/countries.csv"
    (tmp_path / "secret.csv").write_text(seed.read_text())
    seed.unlink()
    seed.symlink_to(tmp_path / "secret.csv")
    with pytest.raises(FlowError, match=r"the seed seeds/countries.csv leads out of"):
        made.publish("people", author="ada")
    assert not (made.folder / "people/flow.lock").exists()


def test_a_linked_folder_out_of_the_library_is_refused(tmp_path):
    made = library(tmp_path)
    (made.folder / "people/seeds").rename(tmp_path / "seeds")
    (made.folder / "people/seeds").symlink_to(tmp_path / "seeds")
    with pytest.raises(FlowError, match="leads out of"):
        made.resolve("people:draft")


@pytest.mark.parametrize("path", ["../secret.csv", "{}/secret.csv"])
def test_a_path_out_of_the_folder_is_refused_whatever_the_flow_allowed(path, tmp_path):
    (tmp_path / "secret.csv").write_text("code\n1\n")
    (tmp_path / "people").mkdir()
    seed = Seed(path=path.format(tmp_path), key="code")
    with pytest.raises(FlowError, match="leads out of"):
        seed_path(tmp_path / "people", seed)


def test_a_loop_of_links_is_a_sentence(tmp_path):
    made = library(tmp_path)
    seed = made.folder / "people/seeds/countries.csv"
    seed.unlink()
    seed.symlink_to(seed)
    with pytest.raises(FlowError, match="links make a loop|no seed file"):
        made.resolve("people:draft")


def test_a_link_inside_the_library_is_copied_when_it_is_published(tmp_path):
    made = library(tmp_path)
    seed = made.folder / "people/seeds/countries.csv"
    shared = made.folder / "shared"
    shared.mkdir()
    seed.rename(shared / "countries.csv")
    seed.symlink_to(shared / "countries.csv")
    made.publish("people", author="ada")
    assert not (made.folder / "people/v1/seeds/countries.csv").is_symlink()
    (shared / "countries.csv").write_text("code,name\n")
    assert made.resolve("people").version == 1
