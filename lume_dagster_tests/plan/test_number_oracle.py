"""``parse_number`` on texts put together by chance, beside a reader that shares no code with it."""

from __future__ import annotations

import re
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from lume_dagster_tests.plan.mapping import flow_of, run

TEXT = {"type": ["string", "null"]}
PIECES = [
    *("1", "12", "123", "0", "007", "000", "500", "1234", "12345"),
    *(
        ".",
        ",",
        "'",
        "\u2019",
        " ",
        " ",
        "\u00a0",
        "-",
        "+",
        "(",
        ")",
        "€",
        "US$",
        "CHF ",
        " EUR",
        "%",
        "x",
    ),
]
texts = st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map("".join)
MONEY = re.compile(r"\bUS\$|€|\bCHF\b|\bEUR\b")


def read(text: str, mark: str) -> Decimal | None:
    """The number a person sees: money and a sign around it, digits in even groups within it."""
    text = MONEY.sub("¤", text)
    core = re.search(r"[0-9.,'\u2019](?:[0-9.,'\u2019\s]*[0-9.,'\u2019])?", text)
    if core is None:
        return None
    ends = (text[: core.start()], text[core.end() :])
    signs = tuple(re.sub(r"[\s¤]", "", end) for end in ends)
    if signs not in {("", ""), ("+", ""), ("-", ""), ("", "-"), ("(", ")")}:
        return None
    whole, point, places = core[0].partition(mark)
    digits = ungrouped(whole, "," if mark == "." else ".")
    if digits is None or (point and not re.fullmatch("[0-9]+", places)) or not digits + places:
        return None
    size = Decimal(f"{digits or 0}.{places or 0}")
    return size if signs in {("", ""), ("+", "")} else -size


def ungrouped(whole: str, comma: str) -> str | None:
    if re.fullmatch("[0-9]*", whole):
        return whole
    for marks in (re.escape(comma), "['\u2019]", r"\s+"):
        first, *rest = re.split(marks, whole)
        if re.fullmatch("[1-9][0-9]{0,2}", first) and all(
            re.fullmatch("[0-9]{3}", g) for g in rest
        ):
            return first + "".join(rest)
    return None


@settings(max_examples=40, deadline=None)
@given(st.lists(texts, min_size=30, max_size=30), st.sampled_from(".,"))
def test_a_number_is_read_as_a_person_reads_it_or_not_at_all(written, mark):
    flow = flow_of({"y": TEXT}, {"y": f"parse_number(x, '{mark}')"})
    found = {r["_lume_row"]: r["y"] for r in run(flow, [[t] for t in written]).mapped}
    for row, text in enumerate(written, 1):
        assert (Decimal(found[row]) if row in found else None) == read(text, mark), text
