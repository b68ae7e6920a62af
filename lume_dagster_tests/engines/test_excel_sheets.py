"""Which sheet of a workbook is read, and that no formula without a value is taken for an empty cell."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import pytest

from lume_dagster.engines.readers.workbook_formulas import Uncomputed
from lume_dagster.errors import BatchError


def saved(book):
    book.save(out := io.BytesIO())
    return out.getvalue()


def book_of(*rows, **cells):
    """A workbook of one sheet."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for place, value in cells.items():
        book.active[place] = value
    return book


def with_sheet(content, old, new):
    """The workbook with another text in its first sheet."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(out, "w") as made:
        for name in given.namelist():
            text = given.read(name)
            if name == "xl/worksheets/sheet1.xml":
                assert old in text
                text = text.replace(old, new)
            made.writestr(name, text)
    return out.getvalue()


def test_a_hidden_sheet_is_read_only_when_it_is_named(stage):
    book = book_of(["inner"], [1])
    book.active.title = "Lists & 'more'"
    book.active.sheet_state = "hidden"
    book.create_sheet("Orders").append(["id"])
    book["Orders"].append([7])
    book.active = 1
    content = {"a.xlsx": saved(book)}
    assert stage(content).values == [("7",)]
    assert stage(content, sheet="Lists & 'more'").values == [("1",)]
    assert stage(content, sheet=1).values == [("1",)]


def test_a_chart_is_passed_over_and_refused_when_it_is_named(stage):
    book = book_of(["id"], [7])
    book.create_chartsheet("Chart", 0)
    content = {"a.xlsx": saved(book)}
    assert stage(content).values == [("7",)]
    with pytest.raises(BatchError, match=r"'Chart' of file:///a\.xlsx is a chart.*\n.*'Sheet'"):
        stage(content, sheet="Chart")


def test_a_formula_that_nobody_computed_is_refused_with_its_cell(stage):
    content = saved(book_of(["a", "b"], [1, 2], [2, "=A3*2"]))
    with pytest.raises(BatchError, match="in cell B3 of the sheet 'Sheet'.* has no value"):
        stage({"a.xlsx": content})


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (b'<c r="B3"><f>A3*2</f><v>4</v></c>', "4"),
        (b'<c r="B3" t="str"><f>""</f><v></v></c>', ""),
        (b'<c r="B3" t="e"><f>1/0</f><v>#DIV/0!</v></c>', "#DIV/0!"),
        (b'<c r="B3"><f t="shared" si="0"/><v>4</v></c>', "4"),
        (b'<c r="B3"/>', None),
    ],
)
def test_a_formula_is_the_value_that_was_computed_last(stage, cell, value):
    content = saved(book_of(["a", "b"], [1, 2], [2, "=A3*2"]))
    content = with_sheet(content, b'<c r="B3"><f>A3*2</f><v /></c>', cell)
    assert stage({"a.xlsx": content}).values == [("1", "2"), ("2", value)]


def test_a_formula_on_a_sheet_that_is_not_read_is_nobodys_concern(stage):
    book = book_of(["a"], [1])
    book.create_sheet("Sums").append(["=Sheet!A2"])
    content = {"a.xlsx": saved(book)}
    assert stage(content).values == [("1",)]
    with pytest.raises(BatchError, match="cell A1 of the sheet 'Sums'"):
        stage(content, sheet="Sums")


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_a_formula_is_found_wherever_the_sheet_is_cut(size):
    cells = b'<c r="A1"><v>1</v></c><x:c r="B1" s="2"><x:f>SUM(A1:A9)</x:f></x:c><c r="C1"/>' * 3
    seen = Uncomputed()
    for start in range(0, len(cells), size):
        seen.look(cells[start : start + size])
    assert seen.cell == "B1"


def test_merged_cells_hold_their_value_once(stage):
    book = book_of(["a", "b"], ["x", 1], [None, 2], ["y", 3])
    book.active.merge_cells("A2:A3")
    assert stage({"a.xlsx": saved(book)}).values == [("x", "1"), (None, "2"), ("y", "3")]


def test_a_workbook_that_shares_no_column_is_refused(stage):
    first, other = saved(book_of(["a", "b"], [1, 2])), saved(book_of(["c"], [3]))
    with pytest.raises(BatchError, match=r"/b.xlsx shares no column .*/a.xlsx: it has 'c', they"):
        stage({"a.xlsx": first, "b.xlsx": other})
    assert stage({"a.xlsx": first, "b.xlsx": saved(book_of(["c"]))}).batch.records == 1


@pytest.mark.parametrize(
    ("old", "new", "last"),
    [
        (b"PK\x03\x04", b"PK\x03\x05", False),
        (b"PK\x01\x02\x14\x03\x14", b"PK\x01\x02\x14\x03\xc5", True),
        (b"xl/_rels/workbook.xml.rels", b"xl/_rels/worxbook.xml.rels", False),
        (b"xl/_rels/workbook.xml.rels", b"xl/_rels/worxbook.xml.rels", True),
        (b"xl/workbook.xml", b"xl/worxbook.xml", False),
        (b"xl/workbook.xml", b"xl/worxbook.xml", True),
        (b"[Content_Types].xml", b"[Contxnt_Types].xml", True),
    ],
)
def test_a_workbook_with_a_damaged_archive_is_refused_in_a_sentence(stage, old, new, last):
    whole = saved(book_of(["a"], [1]))
    parts = whole.rsplit(old, 1) if last else whole.split(old, 1)
    with pytest.raises(BatchError, match=r"/a\.xlsx (is|cannot)"):
        stage({"a.xlsx": new.join(parts)})
