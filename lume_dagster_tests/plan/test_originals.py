"""The original row of a reject holds every column, however many there are."""

import pytest

from lume_dagster_tests.plan.mapping import flow_of, run

NUMBER = {"type": "integer"}


@pytest.mark.parametrize("width", [1, 500, 501, 1250])
def test_a_wide_reject_holds_every_value_in_order(width):
    names = [f'c "{i}",' for i in range(width)]
    row = [f'v,"{{}}\n[é💥{i}' if i % 7 else None for i in range(width)]
    flow = flow_of({"n": NUMBER}, {"n": '"c ""0"","'}, key=["n"], required=["n"])
    found = run(flow, [row, ["1", *row[1:]]], names)
    assert len(found.mapped) == 1
    (reject,) = found.rejects
    assert reject["original"] == dict(zip(names, row, strict=True))
    assert list(reject["original"]) == names
