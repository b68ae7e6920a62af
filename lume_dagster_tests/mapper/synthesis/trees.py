"""A tree for every kind of step, and texts such as sources hold: what the differential test runs."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from lume_dagster.mapper.synthesis import node as ir
from lume_dagster.mapper.synthesis.data.codes import WORDS
from lume_dagster.mapper.synthesis.node import Node, column, concat, constant
from lume_dagster.mapper.synthesis.ops_pattern import CLASSES, PATTERNS
from lume_dagster.mapper.synthesis.program import Program
from lume_dagster.mapper.synthesis.setting import step
from lume_dagster_tests.plan.mapping import flow_of, run

X = column("x")
NUMBER = step("number", X, ".")
DATE = step("date", X, "%Y-%m-%d", "%d/%m/%Y", "%b %d, %Y")
TIME = step("date", X, "%Y-%m-%d %H:%M:%S", "%H:%M", "%I:%M %p")


def _text(node: Node) -> Node:
    """A number as a text that shows every bit that people see."""
    return step("significant", node, 12)


TREES: tuple[Node, ...] = (
    X,
    concat((X, constant("it's - "), X)),
    *(step(op, X) for op in ("trim", "squash", "upper", "lower", "title_case", "capitalise")),
    *(step(op, X) for op in ("strip_accents", "unpad", "camel", "ordinal")),
    *(step("split", X, mark, k) for mark in (",", " ", "-", " - ") for k in (1, 2, -1, -2)),
    *(step(op, X, mark) for op in ("after", "before_last") for mark in (",", ".", "[[", " ")),
    *(step(op, X, a, b) for op in ("between", "inside") for a, b in (("(", ")"), (" ", " "))),
    *(step(op, X, n) for op in ("left", "right", "drop", "drop_last") for n in (1, 3)),
    step("slice", X, 2, 3),
    step("pad", X, 6, "0"),
    step("pad", X, 4, " "),
    step("replace", X, "-", ""),
    step("replace", X, "'", " "),
    step("translate", X, "ACGT", "TGCA"),
    *(step("token", X, name, 1) for name in PATTERNS),
    *(step("token", X, name, -2) for name in ("digits", "word", "proper_words")),
    step("join", X, "digits", "-"),
    step("join", X, "capitals", ", "),
    *(step("keep", X, name) for name in CLASSES),
    *(step("spaced", X, name) for name in ("tags", "alnum")),
    *(step("initials", X, glue) for glue in ("", ". ")),
    *(_text(step("number", X, mark)) for mark in ".,"),
    *(_text(step(op, X)) for op in ("clock", "fraction", "from_roman")),
    *(_text(step("from_base", X, base)) for base in (2, 8, 16)),
    *(_text(step(op, NUMBER, k)) for op in ("times", "over", "plus") for k in (2.54, 32, -0.5)),
    *(_text(Node(op, (NUMBER, step("plus", NUMBER, 3)))) for op in ("sum", "difference")),
    *(_text(Node(op, (NUMBER, step("plus", NUMBER, 3)))) for op in ("product", "quotient")),
    *(_text(step(op, NUMBER)) for op in ("exponent", "mantissa")),
    step("letter", NUMBER),
    _text(step("letter_code", X)),
    _text(step("modulo", NUMBER, 60)),
    _text(step("size", NUMBER)),
    *(
        _text(step("steps", NUMBER, s, h, w))
        for s, h in ((10, 0), (0.05, 0), (5, 1))
        for w in ("up", "down", "near")
    ),
    *(step("fixed", NUMBER, n) for n in (0, 1, 2, 6)),
    *(step("grouped", NUMBER, n) for n in (0, 2)),
    *(step("at_most", NUMBER, n) for n in (1, 9)),
    *(step("significant", NUMBER, n) for n in (1, 2, 6)),
    step("whole", NUMBER),
    *(step("to_base", NUMBER, base) for base in (2, 8, 16)),
    step("to_roman", NUMBER),
    *(
        step("strftime", DATE, f)
        for f in ("%d.%m.%Y %a %A", "%-d %B %b %y %-m", "%j %-j %G-W%V-%u")
    ),
    *(step("strftime", TIME, f) for f in ("%H:%M:%S %p", "%-I:%M %-H", "%I %-M", "%Y-%m-%d")),
    step("quarter", DATE),
    *(step("strftime", step("shift", TIME, n), "%Y-%m-%d %H:%M:%S") for n in (86400, -3600, 90)),
    *(step("strftime", step("shift", DATE, n), "%Y-%m-%d %H:%M:%S") for n in (86400, -3600)),
    *(step("strftime", step("bucket", TIME, n), "%Y-%m-%d %H:%M:%S") for n in (15, 60, 720)),
    *(step("strftime", step(op, NUMBER), "%Y-%m-%d %H:%M:%S") for op in ("serial", "unix")),
    *(step("fixed", step("epoch", moment), 0) for moment in (DATE, TIME)),
    *(step("known_code", X, name) for name in WORDS),
    step("code", X, "a", "One", "b c", "it's two"),
    Node("when", (X, step("upper", X), constant("no")), ("contains", ",")),
    Node("when", (X, step("strftime", DATE, "%Y"), step("keep", X, "digits")), ("like", "[0-9].*")),
    Node("when", (X, constant("yes"), step("token", X, "digits", 1)), ("finds", "^[A-Z]{2}")),
    Node("when", (X, constant("yes"), step("left", X, 2)), ("starts", "a")),
    Node("when", (X, constant("yes"), step("left", X, 2)), ("ends", "%")),
)

_LETTERS = "abzABZéÉßñİǆΣœ王0129 ,.-/:;'\"()[]{}<>|_@&=?!#%+*$€\\~^\t\n\u00a0\u2009\u2019"
_FREE = st.text(alphabet=_LETTERS, min_size=1, max_size=14)
_WORDS = st.sampled_from(
    ["Smith, John", "mary-jane O'NEIL", "Dr. Ángel  de la Cruz", "texas", " NY ", "germany", "DEU",
     "Monday", "fri", "html", "MCMXCIV", "IIII", "xiv", "101010", "FF", "0007", "000", "1st", "aBcDe",
     "joe@mail.example.com", "https://www.example.co.uk/a?b=1", "10.0.0.255", "[[a|b]] (c) (d", "a", "B C",
     "1:30", "102:30:05", "7 1/4", "3/4", "1/0", "WA 98033", "hello!! you!!!", "<b>x</b><br/>y", "GATTACA",
     "2024-02-30", "2024-02-29", "31/12/1999", "1/2/24", "1/2/0024", "Jan 5, 2024", "JAN 05, 2024",
     "2024-01-01 23:59:59", "9:05", "12:00 AM", "12:30 pm", "24:00", " 2024-02-29 ", "0999-01-01",
     "9999-12-31", "13:61", "0:30 PM", "45000", "1700000000"]
)  # fmt: skip
_FIGURES = st.one_of(
    st.integers(-10_000, 10_000).map(str),
    st.decimals(-100_000, 100_000, places=3).map(str),
    st.decimals(-1000, 1000, places=2).map(lambda d: f"$ {d:,}"),
    st.floats(-1e6, 1e6).map(lambda x: f"{x:.6f}"),
    st.sampled_from(["-0", "-0.001", "0.5", "2.675", "1.005", "(12.50)", "1.234,50", "1,234.50", "1e5", ".5",
                     "5.", "+7", "12-", "99999999999999999999", "0.000000001", "1'234", "12 EUR"]),
)  # fmt: skip
_DATES = st.one_of(
    st.dates().map(str),
    st.datetimes().map(lambda t: t.replace(microsecond=0).isoformat(" ")),
    st.dates().map(lambda d: f"{d.day}/{d.month}/{d.year}"),
    st.times().map(lambda t: f"{t.hour}:{t.minute:02d}"),
)
TEXTS = st.one_of(_FREE, _WORDS, _FIGURES, _DATES)


def by_engine(
    program: Program, rows: Sequence[Sequence[str | None]], names: Sequence[str]
) -> list[str | None]:
    """What the plan of a flow with this expression gives in the engine; None for a reject."""
    quoted = {name: f'"{name}"' for name in names}
    flow = flow_of({"y": {"type": "string"}}, {"y": program.expression(quoted)})
    outcome = run(flow, rows, names)
    found: list[str | None] = [None] * len(rows)
    for row in outcome.mapped:
        found[row["_lume_row"] - 1] = row["y"]
    assert len(outcome.mapped) + len(outcome.rejects) == len(rows)
    return found


def by_reference(
    program: Program, rows: Sequence[Sequence[str | None]], names: Sequence[str]
) -> list[str | None]:
    """What the interpreter gives; an empty text is no value in a CSV file."""
    return [program.apply({n: v or None for n, v in zip(names, row, strict=True)}) for row in rows]


def kinds() -> set[str]:
    """The kinds of steps the trees have."""
    return {n.op for tree in TREES for n in ir.walk(tree)}
