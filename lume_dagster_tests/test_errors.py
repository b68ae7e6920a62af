"""Hints of errors: what a screen can bear, whatever somebody's file is called."""

from lume_dagster.errors import did_you_mean


def test_a_near_word_is_proposed():
    assert did_you_mean("skip_lns", ["skip_lines", "nulls"]) == "did you mean 'skip_lines'?"


def test_many_words_are_cut_short():
    told = did_you_mean("x", [f"column_{number:04}" for number in range(2_000)])
    assert told.endswith("column_0029 and 1,970 more.")


def test_nothing_that_moves_a_cursor_reaches_the_screen():
    told = did_you_mean("x", ["\x1b[2Jgone\x00", "y" * 500])
    assert all(letter.isprintable() for letter in told)
    assert len(told) < 150


def test_where_nothing_is_known_that_is_said():
    assert did_you_mean("x", []) == "none is defined."
