"""A table's manifest is what it was when it is read again, and old leftovers are told from new."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dagster.connectors.file_table.batches import HeldBatch
from lume_dagster.connectors.object_store.leftovers import nobodys, refuse_slowness
from lume_dagster.connectors.object_store.manifest import (
    DATA_FILE,
    DataFile,
    Manifest,
    StoredBatch,
    parse_manifest,
)
from lume_dagster.errors import ConnectorError, TransientError

COLUMNS = (("id", "integer"), ("każdy", "decimal(18,4)"))
TEXT, COUNT = st.text(max_size=20), st.integers(0, 2**40)
FILES = st.lists(st.builds(DataFile, TEXT, COUNT, COUNT, TEXT), max_size=3).map(tuple)
HELD = st.builds(
    HeldBatch,
    name=TEXT,
    flow=TEXT,
    version=COUNT,
    source_path=TEXT,
    run_id=TEXT,
    mode=TEXT,
    format=st.just("parquet"),
    columns=st.just(COLUMNS),
    mapped_rows=COUNT,
    rejects_rows=COUNT,
)
BATCHES = st.lists(st.builds(StoredBatch, HELD, TEXT, FILES, FILES), max_size=4).map(tuple)


@given(st.builds(Manifest, COUNT, BATCHES, st.lists(TEXT, max_size=3).map(tuple)))
def test_a_manifest_is_read_as_it_was_written(manifest):
    assert parse_manifest(manifest.to_bytes(), "s3://b/t") == manifest


@given(before=BATCHES, after=BATCHES, leftovers=st.sets(TEXT, max_size=3))
def test_what_a_change_no_longer_names_is_to_be_removed_and_nothing_that_it_names(
    before, after, leftovers
):
    old = Manifest(1, before)
    new = old.changed(after, leftovers)
    assert set(new.removed) == (old.paths() | leftovers) - new.paths()


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"lume_table": 1}'])
def test_what_is_no_manifest_is_refused(content):
    with pytest.raises(ConnectorError, match=r"s3://b/t is not the manifest of a table"):
        parse_manifest(content, "s3://b/t")


def test_a_manifest_of_a_newer_release_is_refused():
    with pytest.raises(ConnectorError, match="version 2, which this release does not know"):
        parse_manifest(json.dumps({"lume_table": 2}).encode(), "s3://b/t")


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("a-1.orders/mapped/part-0000-0123456789ab.parquet", True),
        ("a-1.orders/kept/part-0012-0123456789ab.csv", True),
        ("a-1.orders/mapped/part-0000.parquet", False),
        ("orders/a-1.orders/mapped/part-0000-0123456789ab.parquet", False),
        ("../mapped/part-0000-0123456789ab.parquet/x", False),
        ("_lume_table.json", False),
    ],
)
def test_only_what_deliveries_write_is_ever_removed(path, ours):
    assert bool(DATA_FILE.fullmatch(path)) is ours


def test_leftovers_are_those_of_the_batch_and_those_that_are_old():
    found = {"a.orders/new": 1000.0, "b.orders/new": 995.0, "b.orders/old": 5.0}
    assert nobodys(found, "a.orders", 60.0) == {"a.orders/new", "b.orders/old"}
    assert nobodys({}, "a.orders", 60.0) == set()


def test_a_delivery_that_took_too_long_does_not_name_what_may_be_gone():
    refuse_slowness(29.0, 60.0)
    with pytest.raises(TransientError, match=r"took 31 seconds.*\n.*leftover_hours"):
        refuse_slowness(31.0, 60.0)
