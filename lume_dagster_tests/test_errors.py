"""Hints of errors: how they end, and what a screen can bear, whatever somebody's file is called."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import lume_dagster
from lume_dagster import errors
from lume_dagster.errors import LumeError, Problem, counted, did_you_mean

_SOURCES = Path(lume_dagster.__file__).parent


def _of(kind: type[LumeError], hint: str) -> LumeError:
    own = {"code": "CHECK_FAILED", "run": None}
    wanted = inspect.signature(kind.__init__).parameters
    return kind("it is so.", hint=hint, **{k: v for k, v in own.items() if k in wanted})


def _tree(kind: type[LumeError] = LumeError) -> Iterator[type[LumeError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _tree(below)


@pytest.mark.parametrize("kind", [k for k in _tree() if k.__module__ == errors.__name__])
def test_hints_of_all_errors_end_without_a_full_stop(kind):
    assert _of(kind, "run it. Look at it.").hint == "run it. Look at it"
    assert str(_of(kind, "lume runs.")) == "it is so.\nHint: lume runs"
    assert _of(kind, "did you mean 'a'?").hint == "did you mean 'a'?"
    assert _of(kind, "export NAME=...").hint == "export NAME=..."


def test_hints_of_problems_end_as_those_of_errors():
    assert str(Problem("no.", "write yes.")) == "no.\nHint: write yes"


def test_nobody_writes_a_hint_past_the_rule():
    written = re.compile(r"Hint: [^\"{\n]*\.\"")
    found = [p.name for p in _SOURCES.rglob("*.py") if written.search(p.read_text("utf-8"))]
    assert found == []


def test_a_near_word_is_proposed():
    assert did_you_mean("skip_lns", ["skip_lines", "nulls"]) == "did you mean 'skip_lines'?"


def test_many_words_are_cut_short():
    told = did_you_mean("x", [f"column_{number:04}" for number in range(2_000)])
    assert told.endswith("column_0029 and 1,970 more")


def test_nothing_that_moves_a_cursor_reaches_the_screen():
    told = did_you_mean("x", ["\x1b[2Jgone\x00", "y" * 500])
    assert all(letter.isprintable() for letter in told)
    assert len(told) < 150


def test_where_nothing_is_known_that_is_said():
    assert did_you_mean("x", []) == "none is defined"


def test_one_is_singular_and_so_is_its_verb():
    assert [counted(n, "row") for n in (0, 1, 1500)] == ["0 rows", "1 row", "1,500 rows"]
    assert counted(1, "wants a look", "want a look") == "1 wants a look"
    assert counted(2, "wants a look", "want a look") == "2 want a look"
