"""Expressions learned from a record or two: what may be meant otherwise is not taken."""

from __future__ import annotations

from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.generate.learning import learn_field
from lume_dagster_tests.mapper.samples import sample_of, settings_of

CODE = SchemaField("code", "code", "string")
VALUES = ["AB-1234-x", "CDE-77-yy", "F-9-zzz", "GH-12345-w", "IJK-6-vv", "L-81-u"]


def learned(folder, *examples):
    sample = sample_of(folder, [{"raw": value} for value in VALUES])
    taught = [({"raw": before}, after) for before, after in examples]
    return list(learn_field(settings_of(folder), sample, CODE, taught))


def test_one_example_that_leaves_open_what_is_meant_teaches_nothing(tmp_path):
    found = learned(tmp_path, ("AB-1234-x", "12"))
    assert not any("regexp" in expression or "substr" in expression for expression in found)


def test_examples_that_say_what_is_meant_are_learned(tmp_path):
    found = learned(tmp_path, ("AB-1234-x", "1234"), ("CDE-77-yy", "77"), ("F-9-zzz", "9"))
    assert any("-" in expression or "0-9" in expression for expression in found)
