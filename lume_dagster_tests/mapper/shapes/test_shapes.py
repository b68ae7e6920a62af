"""How values are written: what is kept of them, and what is said when they are written otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lume_dagster.errors import FlowError
from lume_dagster.flows.flow_file import parse
from lume_dagster.flows.model import SourceFormat
from lume_dagster.mapper.shapes.compare import compare
from lume_dagster.mapper.shapes.kept import keep_shapes, read_shapes, shape_changes, shapes_of
from lume_dagster.mapper.shapes.look import Look, look_at
from lume_dagster_tests.mapper.samples import sample_of, sample_of_text

ISO = [f"2024-{m:02}-{d:02}" for m in range(1, 13) for d in (1, 15)]
POINTS = [f"{d:02}.{m:02}.2024" for m in range(1, 13) for d in (1, 15)]
DAY_FIRST = [f"{d}/{m}/2024" for m in range(1, 13) for d in (1, 15)]
MONTH_FIRST = [f"{m}/{d}/2024" for m in range(1, 13) for d in (1, 15)]
CODES = [f"AB-{n:04}" for n in range(30)]
AMOUNTS = [f"{n * 7 % 90 + 10}.{n % 10}5" for n in range(30)]


def said(before, now, codes=()):
    return [change.sentence for change in compare("x", look_at(before), now, codes)]


@pytest.mark.parametrize(
    ("values", "look"),
    [
        (ISO, Look(kind="date", shapes=("9999-9-9",))),
        (POINTS, Look(kind="date", shapes=("9.9.9999",), order="day")),
        (MONTH_FIRST, Look(kind="date", shapes=("9/9/9999",), order="month")),
        (["3 Jan 2024", "12 March 2024"], Look(kind="date", shapes=("9 Aaa 9999",))),
        (CODES, Look(kind="code", shapes=("AA-9999",))),
        ([f"K{n}" for n in range(2000)], Look(kind="code", shapes=("A999", "A9999", "A99", "A9"))),
        (["00012", "04711"] * 3, Look(kind="code", shapes=("99999",))),
        (["00012"], Look(kind="text")),
        ([f"a{n}@b.org" for n in range(9)], Look(kind="text")),
        ([f"{n} High Street" for n in range(9)], Look(kind="text")),
        (AMOUNTS, Look(kind="number", decimal=".", typical=50.0)),
        (["1.234,50", "7,5"], Look(kind="number", decimal=",", typical=1000.0)),
        ([str(n) for n in range(100, 200)], Look(kind="number")),
        (["Ann Lee", "Bo", "a longer text, with marks"], Look(kind="text")),
        ([None, "", " "], Look(kind="empty", filled=0.0)),
        (["DE", "FR", None, None] * 3, Look(kind="code", filled=0.5, shapes=("AA",))),
    ],
)
def test_what_values_look_like(values, look):
    found = look_at(values)
    assert found.model_copy(update={"shapes": tuple(sorted(found.shapes))}) == look.model_copy(
        update={"shapes": tuple(sorted(look.shapes))}
    )


def test_values_are_only_kept_where_they_are_wanted_and_few():
    assert look_at(["DE", "FR"] * 10).values is None
    assert look_at(["DE", "FR"] * 10, keep_values=True).values == ("DE", "FR")
    assert look_at(CODES, keep_values=True).values is None


@pytest.mark.parametrize(
    ("before", "now", "sentence"),
    [
        (ISO, POINTS, "x: 100% of the values are written 9.9.9999 (before: 9999-9-9)."),
        (ISO, [*ISO, *POINTS], "x: 50% of the values are written 9.9.9999 (before: 9999-9-9)."),
        (DAY_FIRST, MONTH_FIRST, "x: in dates the month comes first (before: the day)."),
        (
            CODES,
            [c.replace("-", "") for c in CODES],
            "x: 100% of the values are written AA9999 (before: AA-9999).",
        ),
        (
            AMOUNTS,
            [a.replace(".", ",") for a in AMOUNTS],
            "x: numbers have a decimal comma (before: a point).",
        ),
        (
            AMOUNTS,
            [a.replace(".", "") for a in AMOUNTS],
            "x: numbers are about 5000 (before: about 50): is it another unit?",
        ),
        (
            AMOUNTS,
            ["on request"] * 10 + AMOUNTS[:10],
            "x: 50% of the values are no numbers, which they were: a+ a+.",
        ),
        (CODES, [None] * 20 + CODES[:10], "x: 67% of the rows have no value (before: 0%)."),
    ],
)
def test_what_is_written_otherwise_is_one_sentence(before, now, sentence):
    assert said(before, now) == [sentence]


@pytest.mark.parametrize("values", [ISO, POINTS, CODES, AMOUNTS, DAY_FIRST])
def test_more_of_the_same_is_no_drift(values):
    assert said(values, values[::-1]) == []
    assert said(values, values[:1]) == []


def test_other_ids_names_and_amounts_are_no_drift():
    assert said([str(n) for n in range(100)], [str(n) for n in range(90_000, 90_100)]) == []
    assert said(["Ann Lee", "Bo Ek"], ["Zoë Müller-Lüdenscheidt", "X"]) == []
    assert said(AMOUNTS, [f"{n}.00" for n in range(100, 300)]) == []
    assert said([None] * 5, ["now there is something"]) == []


def test_new_values_are_named_where_values_were_kept():
    before = look_at(["DE", "FR"] * 10, keep_values=True)
    found = list(compare("country", before, ["DE", "IT", "XX", "IT"]))
    assert [c.sentence for c in found] == ["country: 2 values were never there before: 'IT', 'XX'."]
    assert found[0].share == 0.75


def test_codes_that_no_code_list_knows_are_counted_and_not_shown():
    assert said(["auf", "zu"] * 10, ["AUF", "kaputt"], ("auf", "zu")) == [
        "x: 50% of the values are none of the codes that the mapping knows."
    ]


FLOW = parse("""\
lume: 1
flow: orders
source: {connector: landing, also_called: {state: [Zustand]}}
target: {connector: warehouse, table: orders}
schema:
  type: object
  properties:
    day: {type: string, format: date}
    state: {type: string, enum: [open, closed]}
    city: {type: string}
mapping:
  day: placed
  state: "code_list(state, {'auf': 'open', 'zu': 'closed'})"
  city: ship.city
""")


def records(days, state="state"):
    return [
        {"placed": day, state: "auf", "ship": {"city": "Bonn", "zip": "53111"}, "other": day}
        for day in days
    ]


def test_only_what_the_flow_uses_is_kept_by_the_names_it_has(tmp_path):
    shapes = shapes_of(FLOW, sample_of(tmp_path, records(ISO, "Zustand")))
    assert list(shapes.columns) == ["placed", "state", "ship.city", "ship.zip"]
    assert shapes.rows == len(ISO)


def test_what_is_kept_is_read_back_and_holds_no_value(tmp_path):
    folder = tmp_path / "orders"
    folder.mkdir()
    assert read_shapes(folder) is None
    shapes = shapes_of(FLOW, sample_of(tmp_path, records(ISO)))
    path = keep_shapes(folder, shapes)
    assert read_shapes(folder) == shapes
    text = path.read_text("utf-8")
    assert "placed: {kind: date, shapes: [9999-9-9]}" in text
    assert not any(value in text for value in ("Bonn", "53111", "auf", "2024"))
    keep_shapes(folder, shapes)
    assert path.read_text("utf-8") == text


def test_a_file_of_another_flow_is_refused(tmp_path):
    folder = tmp_path / "others"
    folder.mkdir()
    keep_shapes(folder, shapes_of(FLOW, sample_of(tmp_path, records(ISO))))
    with pytest.raises(FlowError, match="belongs to the flow 'orders', not to 'others'"):
        read_shapes(folder)


def test_a_batch_is_compared_column_by_column(tmp_path):
    shapes = shapes_of(FLOW, sample_of(tmp_path, records(ISO)))
    batch = sample_of_text(
        tmp_path, "placed,Zustand,other\n01.02.2024,zu,x\n15.02.2024,weg,y\n", "new.csv"
    )
    assert [c.sentence for c in shape_changes(FLOW, shapes, batch)] == [
        "placed: 100% of the values are written 9.9.9999 (before: 9999-9-9).",
        "state: 50% of the values are none of the codes that the mapping knows.",
    ]


def test_texts_that_mean_no_value_are_none(tmp_path):
    flow = FLOW.model_copy(
        update={"source": FLOW.source.model_copy(update={"format": SourceFormat(nulls=["NA"])})}
    )
    shapes = shapes_of(flow, sample_of(tmp_path, records([*ISO, "NA"])))
    assert (shapes.columns["placed"].kind, shapes.columns["placed"].filled) == ("date", 0.96)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.none() | st.text(max_size=12), max_size=20))
def test_a_column_never_differs_from_itself(texts):
    assert list(compare("x", look_at(texts), texts)) == []
