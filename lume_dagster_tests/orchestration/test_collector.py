"""The garbage collector waits while definitions are made, and is as it was afterwards."""

from __future__ import annotations

import gc

import pytest

from lume_dagster.orchestration.collector import without_collector


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
