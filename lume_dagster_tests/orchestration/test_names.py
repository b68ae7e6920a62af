"""A source_path is a partition key, and what cannot be one is refused with a sentence."""

from __future__ import annotations

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dagster.errors import InvalidRequestError
from lume_dagster.orchestration.names import check_source_path, dagster_id, public_id, version_of


@pytest.mark.parametrize(
    ("source_path", "fault"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        (" a.csv", "begins or ends with a blank"),
        ("a\tb", "control character"),
        ("a\nb", "control character"),
        ("a\x00b", "control character"),
        ("a...b", "range of partitions"),
        ("x" * 2001, "has 2001 characters"),
    ],
)
def test_what_cannot_be_a_partition_key_is_refused(source_path, fault):
    with pytest.raises(InvalidRequestError, match=fault):
        check_source_path(source_path)


@pytest.mark.parametrize(
    "source_path",
    ["s3://bucket/a b/ü.csv", "batch_202407291430", "daily/2024-07-30", "in/*.csv", "x" * 2000],
)
def test_paths_people_use_are_taken_as_they_are(source_path):
    assert check_source_path(source_path) == source_path


@given(st.text())
def test_a_refusal_is_one_short_sentence_and_a_hint(source_path):
    with pytest.raises(InvalidRequestError, match="source_path|fine") as caught:
        raise InvalidRequestError(f"{check_source_path(source_path)[:9]} is fine.", hint="go on.")
    assert len(caught.value.message) < 200
    assert caught.value.hint


def test_a_run_id_can_be_read_back():
    assert dagster_id(public_id("abc")) == "abc"


def test_the_id_that_dagster_shows_is_one_too():
    assert dagster_id("8a1f47e3-0c5d-4d4e-9b1a-5f0f6d7c8b9a").startswith("8a1f47e3")


def test_what_is_no_run_id_is_refused():
    with pytest.raises(InvalidRequestError, match="'abc' is not a run id"):
        dagster_id("abc")


@pytest.mark.parametrize(
    ("path", "version"),
    [
        (["lume", "orders", "v3", "target"], "orders:v3"),
        (["a", "b", "orders", "v3", "source"], "orders:v3"),
        (["orders"], None),
        (["lume", "orders", "three", "target"], None),
    ],
)
def test_an_asset_key_says_its_version(path, version):
    assert version_of(dg.AssetKey(path)) == version
