"""The garbage collector is kept away from what stays, and is as it was afterwards."""

from __future__ import annotations

import gc

import pytest

from lume_dagster import collector
from lume_dagster.collector import set_aside, without_collector


@without_collector()
def fail() -> None:
    assert not gc.isenabled()
    raise ValueError("wrong")


def test_it_waits_and_goes_on_also_after_an_error():
    with pytest.raises(ValueError, match="wrong"):
        fail()
    assert gc.isenabled()


def test_where_somebody_turned_it_off_it_stays_off():
    gc.disable()
    try:
        with without_collector():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.fixture
def nothing_frozen():
    """The suite sets aside what it imports; here it is as in a process of a user."""
    aside = collector._ASIDE.is_set()
    collector._ASIDE.clear()
    gc.unfreeze()
    yield
    if aside:
        gc.freeze()
        collector._ASIDE.set()


@pytest.mark.usefixtures("nothing_frozen")
def test_what_was_made_counts_as_old():
    with without_collector():
        made: list[object] = []
        made.append(made)
    assert any(o is made for o in gc.get_objects(generation=2))
    assert gc.get_freeze_count() == 0


@pytest.mark.usefixtures("nothing_frozen")
def test_what_somebody_froze_stays_frozen():
    gc.freeze()
    with without_collector():
        pass
    assert gc.get_freeze_count() > 0
    gc.unfreeze()


def work_with_what_is_there() -> None:
    with set_aside():
        assert gc.get_freeze_count() > 0
        with set_aside(), without_collector():
            pass
        assert gc.get_freeze_count() > 0, "the inner one leaves it to the outer one"
        raise ValueError("wrong")


@pytest.mark.usefixtures("nothing_frozen")
def test_what_is_there_is_set_aside_as_long_as_one_works_with_it():
    with pytest.raises(ValueError, match="wrong"):
        work_with_what_is_there()
    assert gc.get_freeze_count() == 0
    assert gc.isenabled()
