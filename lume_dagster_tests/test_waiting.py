"""Who waits gives up only when nothing moves any more."""

from __future__ import annotations

import itertools

import pytest

from lume_dagster_tests.waiting import wait_until


def test_what_moves_is_waited_for_however_long_it_takes():
    asked, steps = itertools.count(), itertools.count()
    assert wait_until(lambda: next(asked) == 20, lambda: next(steps), patience=0.02) is True


def test_what_stands_still_is_given_up_and_shown():
    with pytest.raises(AssertionError, match=r"nothing has moved since \['held'\]"):
        wait_until(lambda: False, lambda: ["held"], patience=0.0)
