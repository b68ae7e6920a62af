"""One failing value for each keyword of the target schema, and what handling makes of it."""

import datetime as dt
import ipaddress

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lume_dagster.plan.constraints import FORMATS
from lume_dagster_tests.plan.mapping import flow_of, run

TEXT = {"type": "string"}
ENGINE = duckdb.connect()

BROKEN = [
    ({**TEXT, "enum": ["a", "b"]}, "c", "NOT_IN_ENUM"),
    ({**TEXT, "const": "a"}, "b", "NOT_IN_ENUM"),
    ({"type": "integer", "enum": [1, 2]}, "3", "NOT_IN_ENUM"),
    ({**TEXT, "pattern": "^[a-z]+$"}, "A1", "PATTERN_MISMATCH"),
    ({**TEXT, "minLength": 3}, "ab", "TOO_SHORT"),
    ({**TEXT, "maxLength": 3}, "abcd", "TOO_LONG"),
    ({"type": "integer", "minimum": -120}, "-121", "BELOW_MINIMUM"),
    ({"type": "integer", "exclusiveMinimum": 0}, "0", "BELOW_MINIMUM"),
    ({"type": "number", "maximum": 1.5}, "1.6", "ABOVE_MAXIMUM"),
    ({"type": "number", "exclusiveMaximum": 1}, "1", "ABOVE_MAXIMUM"),
    ({"type": "integer", "multipleOf": 5}, "7", "NOT_MULTIPLE_OF"),
    ({"type": "number", "multipleOf": 0.25}, "0.3", "NOT_MULTIPLE_OF"),
    ({"type": "number", "multipleOf": 3}, "1e15", "NOT_MULTIPLE_OF"),
    ({"type": "integer", "multipleOf": 2.5}, "9223372036854775807", "NOT_MULTIPLE_OF"),
    ({"type": "integer", "multipleOf": 10**30}, "5", "NOT_MULTIPLE_OF"),
    ({"type": "integer", "exclusiveMaximum": 2**63 - 1}, str(2**63 - 1), "ABOVE_MAXIMUM"),
    ({**TEXT, "format": "email"}, "not-an-email", "INVALID_FORMAT"),
    ({**TEXT, "format": "email"}, ".a@example.com", "INVALID_FORMAT"),
    ({**TEXT, "format": "email"}, "a..b@example.com", "INVALID_FORMAT"),
    ({"type": ["string", "null"], "const": None}, "a", "NOT_IN_ENUM"),
    ({**TEXT, "format": "uri"}, "no uri", "INVALID_FORMAT"),
    ({**TEXT, "format": "ipv4"}, "256.1.1.1", "INVALID_FORMAT"),
    ({**TEXT, "format": "ipv6"}, "12345::", "INVALID_FORMAT"),
    ({**TEXT, "format": "hostname"}, "-bad-.example", "INVALID_FORMAT"),
]

KEPT = [
    ({**TEXT, "enum": ["a", "b"]}, "a"),
    ({"type": ["string", "null"], "enum": ["a", None]}, None),
    ({"type": "number", "multipleOf": 0.25}, "0.75"),
    ({"type": "number", "multipleOf": 0.05}, "4500000.35"),
    ({"type": "number", "multipleOf": 0.25}, "1e308"),
    ({"type": "integer", "multipleOf": 0.01}, "9223372036854775807"),
    ({"type": "number", "multipleOf": 1e-12, "maximum": 10**30}, "0.5"),
    ({"type": "integer", "exclusiveMaximum": 2**63}, str(2**63 - 1)),
    ({**TEXT, "format": "email"}, "ada.l+x@mail.example.com"),
    ({**TEXT, "format": "uri"}, "https://example.com/a?b=c#d"),
    ({**TEXT, "format": "ipv4"}, "192.168.0.1"),
    ({**TEXT, "format": "ipv6"}, "2001:db8::1"),
    ({**TEXT, "format": "ipv6"}, "::"),
    ({**TEXT, "format": "ipv6"}, "::ffff:192.0.2.1"),
    ({**TEXT, "format": "hostname"}, "a-b.example.com"),
    ({**TEXT, "pattern": "b"}, "abc"),
    ({**TEXT, "minLength": 2, "maxLength": 2}, "éß"),
]


@pytest.mark.parametrize(("schema", "text", "code"), BROKEN)
def test_a_value_that_breaks_a_keyword_is_rejected_with_its_code(schema, text, code):
    outcome = run(flow_of({"y": schema}, {"y": "x"}), [[text]])
    assert outcome.codes == [[("y", code)]]


@pytest.mark.parametrize(("schema", "text"), KEPT)
def test_a_value_that_keeps_to_the_schema_is_mapped(schema, text):
    assert len(run(flow_of({"y": schema}, {"y": "x"}), [[text]]).mapped) == 1


_GROUPS = st.sampled_from(["0", "ab", "FFFF", "12345", "g", "", "", "1.2.3.4", "1.2.3.456"])


@settings(max_examples=300, deadline=None)
@given(groups=st.lists(_GROUPS, min_size=2, max_size=9))
def test_an_ipv6_address_is_what_python_takes_for_one(groups):
    address = ":".join(groups)
    try:
        right = bool(ipaddress.IPv6Address(address))
    except ValueError:
        right = False
    asked = ENGINE.execute("SELECT regexp_full_match($1, $2)", [address, FORMATS["ipv6"]])
    assert asked.fetchall() == [(right,)]


def test_the_message_of_a_field_that_must_be_null_says_so():
    outcome = run(flow_of({"y": {"type": ["string", "null"], "const": None}}, {"y": "x"}), [["a"]])
    assert "which alone is allowed" in outcome.rejects[0]["errors"][0]["message"]


@pytest.mark.parametrize("handling", [{"maxLength": "warn"}, {"y.maxLength": "warn"}])
def test_a_keyword_set_to_warn_is_counted_and_the_row_is_kept(handling):
    flow = flow_of({"y": {**TEXT, "maxLength": 1}}, {"y": "x"}, errors={"handling": handling})
    outcome = run(flow, [["a"], ["bb"], ["ccc"]])
    assert len(outcome.mapped) == 3
    assert outcome.warned == (2, [2, 3], [{"v": "bb"}, {"v": "ccc"}])


def test_a_keyword_set_to_fail_rejects_the_row_and_says_so():
    flow = flow_of(
        {"y": {**TEXT, "maxLength": 1}}, {"y": "x"}, errors={"handling": {"maxLength": "fail"}}
    )
    outcome = run(flow, [["bb"]])
    assert outcome.codes == [[("y", "TOO_LONG")]]
    assert [t.severity for t in outcome.plan.tests if t.code == "TOO_LONG"] == ["fail"]


def test_each_test_points_at_its_keyword():
    flow = flow_of({"y": {**TEXT, "maxLength": 1}}, {"y": "x"})
    assert [t.schema_path for t in run(flow, []).plan.tests] == ["#/properties/y/maxLength"]


MOMENT = "2024-01-01T10:00:00+02:00"


def test_a_point_in_time_of_the_schema_keeps_its_zone():
    moment = {**TEXT, "format": "date-time"}
    rows = [[None], [MOMENT], ["2024-01-01T08:00:00Z"]]
    outcome = run(flow_of({"y": {**moment, "default": MOMENT}}, {"y": "x"}), rows)
    assert {r["y"] for r in outcome.mapped} == {dt.datetime(2024, 1, 1, 8)}
    outcome = run(flow_of({"y": {**moment, "enum": [MOMENT]}}, {"y": "x"}), rows[1:])
    assert len(outcome.mapped) == 2


def test_null_is_missing_where_the_enum_does_not_list_it():
    field = {"type": ["integer", "null"], "enum": [1]}
    outcome = run(flow_of({"y": field}, {"y": "x"}, required=["y"]), [["1"], [None]])
    assert outcome.codes == [[("y", "MISSING_REQUIRED_FIELD")]]
