"""A sheet is staged as a person reads it: every cell as text, rows by their number, sheets joined."""

from __future__ import annotations

import datetime as dt
import io
import math
import struct
import zipfile

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lume_dagster.engines.duckdb_engine import DuckDBEngine
from lume_dagster.engines.readers.files import InputFile
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.engines.stage import stage_files
from lume_dagster.errors import BatchError
from lume_dagster.flows.model import FlowVersion, SourceFormat
from lume_dagster_tests.plan.mapping import flow_of


def workbook(**sheets):
    """The bytes of a workbook: its sheets by name, each a list of rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.fixture
def make_version(tmp_path):
    """A version of a flow with these expressions and fields."""

    def made(mapping, fields):
        flow = flow_of(fields, mapping)
        return FlowVersion(flow=flow, version=1, digest="d", folder=str(tmp_path), published=True)

    return made


def staged_cell(stage, value):
    return stage({"a.xlsx": workbook(One=[["a"], [value]])}).values[0][0]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("00123", "00123"),
        (" x ", " x "),
        ("a\nb 漢字 🎈", "a\nb 漢字 🎈"),
        (12, "12"),
        (-1.5, "-1.5"),
        (1e-10, "1e-10"),
        (0.1 + 0.2, "0.3"),
        (1 / 3, "0.333333333333333"),
        (0.1234567890123, "0.1234567890123"),
        ("0.12345678901234567890", "0.12345678901234567890"),
        (1e22, "10000000000000000000000"),
        (2**53, "9007199254740992"),
        (True, "true"),
        (False, "false"),
        ("TRUE", "TRUE"),
        (dt.date(2024, 2, 29), "2024-02-29 00:00:00"),
        (dt.datetime(2024, 2, 29, 13, 45, 1), "2024-02-29 13:45:01"),
        (dt.time(1, 2, 3), "01:02:03"),
        ("#N/A", "#N/A"),
        ("#DIV/0!", "#DIV/0!"),
        ("#REF!", "#REF!"),
        ("#NAME?", "#NAME?"),
        ("#VALUE!", "#VALUE!"),
        ("#NUM!", "#NUM!"),
        ("#NULL!", "#NULL!"),
    ],
)
def test_a_cell_is_the_text_a_person_reads(stage, cell, text):
    assert staged_cell(stage, cell) == text


def test_the_first_sheet_is_read_with_its_header(stage):
    staged = stage({"a.xlsx": workbook(One=[["id", None, "id"], [1, "x", "y"]], Two=[["b"], [2]])})
    assert staged.names == ["id", "column_2", "id_2"]
    assert staged.values == [("1", "x", "y")]
    assert staged.batch.format == "excel"
    assert staged.batch.files[0].details["sheet"] == "One"


@pytest.mark.parametrize("sheet", ["Two", 2])
def test_a_sheet_is_chosen_by_name_or_number(stage, sheet):
    content = workbook(One=[["a"], [1]], Two=[["b"], [2]])
    assert stage({"a.xlsx": content}, type="excel", sheet=sheet).names == ["b"]


@pytest.mark.parametrize(("sheet", "hint"), [("Orderz", "did you mean 'Orders'"), (3, "it has 2")])
def test_a_sheet_that_is_not_there_is_answered_with_those_that_are(stage, sheet, hint):
    content = workbook(Orders=[["a"]], Two=[["b"]])
    with pytest.raises(BatchError, match=hint):
        stage({"a.xlsx": content}, sheet=sheet)


def test_a_workbook_is_known_by_its_content(stage):
    content = workbook(One=[["a"], [1]])
    assert stage({"batch": content}).values == [("1",)]
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("in.xlsx", content)
    assert stage({"batch.zip": zipped.getvalue()}).values == [("1",)]


def test_rows_above_the_header_are_passed_over(stage):
    rows = [["Report of March"], [], ["id", "name"], [1, "a"]]
    staged = stage({"a.xlsx": workbook(One=rows)}, skip_lines=1)
    assert (staged.names, staged.values) == (["id", "name"], [("1", "a")])


def test_a_title_above_the_header_of_a_sheet_is_told_with_its_row(stage):
    rows = [["Orders of May"], [], ["no", "when", "total"], *([n, "May", 1.5] for n in range(9))]
    staged = stage({"x.xlsx": workbook(One=rows)}).batch
    assert staged.header_elsewhere == ("file:///x.xlsx", 3)
    assert stage({"x.xlsx": workbook(One=rows)}, skip_lines=2).batch.header_elsewhere is None
    assert stage({"x.xlsx": workbook(One=rows[2:])}).batch.header_elsewhere is None


def test_a_sheet_without_header_takes_the_flows_names(stage):
    staged = stage({"a.xlsx": workbook(One=[[1, "a"]])}, header=False, columns=("id", "name"))
    assert (staged.names, staged.values) == (["id", "name"], [("1", "a")])
    assert stage({"a.xlsx": workbook(One=[[1, "a"]])}, header=False).names == [
        "column_1",
        "column_2",
    ]


def test_blank_rows_are_no_records(stage):
    rows = [["id"], [1], [None], ["  "], [2], [""], [None]]
    staged = stage({"a.xlsx": workbook(One=rows)})
    assert staged.rows == {1: ("1",), 2: ("2",)}


@pytest.mark.parametrize("rows", [[], [["id"]], [[None], ["id", "x"]]])
def test_a_sheet_without_records_is_an_empty_batch(stage, rows):
    assert stage({"a.xlsx": workbook(One=rows)}).values == []


def test_several_workbooks_are_one_batch(stage):
    files = {
        "a.xlsx": workbook(One=[["id", "a"], [1, "x"]]),
        "b.xlsx": workbook(Any=[["id"]]),
        "c.xlsx": workbook(Other=[["b", "id"], ["y", 2], ["z", 3]]),
    }
    staged = stage(files)
    assert staged.names == ["id", "a", "b"]
    assert staged.values == [("1", "x", None), ("2", None, "y"), ("3", None, "z")]


ORDERS = [
    ["order", "customer", "name"],
    [1, "c2", "first"],
    [],
    [2, "c9", "second"],
    [3, None, "third"],
]
CUSTOMERS = [
    ["customer", "name", "city"],
    ["c2", "Zoë", "Łódź"],
    ["c1", "Bo", "Oslo"],
    [None, "?", "?"],
]


def test_sheets_are_joined_by_their_keys(stage):
    staged = stage(
        {"a.xlsx": workbook(Orders=ORDERS, Customers=CUSTOMERS)},
        sheet="Orders",
        join=[{"sheet": "Customers", "on": ["customer"]}],
    )
    assert staged.names == ["order", "customer", "name", "Customers.name", "city"]
    assert staged.values == [
        ("1", "c2", "first", "Zoë", "Łódź"),
        ("2", "c9", "second", None, None),
        ("3", None, "third", None, None),
    ]


def test_a_key_that_occurs_twice_in_the_joined_sheet_is_refused(stage):
    twice = [*CUSTOMERS, ["c1", "Bob", "Rome"]]
    with pytest.raises(
        BatchError, match="in the sheet 'Customers' a value of customer occurs twice"
    ):
        stage(
            {"a.xlsx": workbook(Orders=ORDERS, Customers=twice)},
            join=[{"sheet": "Customers", "on": ["customer"]}],
        )


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_workbook_where_text_was_to_come_is_refused_as_one(stage, kind):
    files = {"a.csv": workbook(Orders=ORDERS)}
    with pytest.raises(BatchError, match=rf"is an Excel workbook, and the flow says {kind}"):
        stage(files, type=kind)


def test_a_key_that_is_no_column_is_refused(stage):
    with pytest.raises(BatchError, match=r"no column 'customr'.*\n.*'customer'"):
        stage(
            {"a.xlsx": workbook(Orders=ORDERS, Customers=CUSTOMERS)},
            join=[{"sheet": "Customers", "on": ["customr"]}],
        )


def test_a_reject_says_the_row_of_the_sheet(make_version, tmp_path, settings):
    rows = [["Report"], [], ["id"], [1], [], ["x"], [3], [], [], ["y"]]
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook(One=rows))
    version = make_version({"id": "id"}, {"id": {"type": "integer"}})
    with DuckDBEngine(settings) as engine:
        files = [InputFile(path, "file:///a.xlsx", "1"), InputFile(path, "file:///b.xlsx", "1")]
        staged = engine.stage_files(files, SourceFormat(skip_lines=1), tmp_path / "staged")
        done = engine.transform(version, engine.compile(version, staged), staged, tmp_path / "out")
    import pyarrow.parquet as pq

    found = pq.read_table(done.rejects[0]).to_pylist()
    assert [(r["_lume_file"][-6:], r["_lume_file_row"]) for r in found] == [
        ("a.xlsx", 6), ("a.xlsx", 10), ("b.xlsx", 6), ("b.xlsx", 10),
    ]  # fmt: skip


def test_dates_and_numbers_of_cells_are_dates_and_numbers_of_fields(
    make_version, tmp_path, settings
):
    path = tmp_path / "a.xlsx"
    path.write_bytes(
        workbook(
            One=[
                ["d", "t", "n", "b"],
                [dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 1), 1.1 * 3, True],
            ]
        )
    )
    fields = {
        "d": {"type": "string", "format": "date"},
        "t": {"type": "string", "format": "date-time"},
        "n": {"type": "number", "multipleOf": 0.01},
        "b": {"type": "boolean"},
    }
    version = make_version({name: name for name in fields}, fields)
    with DuckDBEngine(settings) as engine:
        staged = engine.stage_files(
            [InputFile(path, "a", "1")], SourceFormat(), tmp_path / "staged"
        )
        done = engine.transform(version, engine.compile(version, staged), staged, tmp_path / "out")
    assert (done.mapped_rows, done.rejected_rows) == (1, 0)


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04 nonsense", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)]
)
def test_what_is_no_workbook_is_a_sentence(stage, content):
    with pytest.raises(BatchError, match=r"damaged|cannot be read as an Excel workbook"):
        stage({"a.xlsx": content})


def test_text_that_calls_itself_a_workbook_is_refused(stage):
    with pytest.raises(BatchError, match="is not an Excel workbook"):
        stage({"a.xlsx": b"id,name\n1,x\n"})


def test_a_workbook_that_was_cut_off_is_refused(stage):
    content = workbook(One=[[str(i)] * 9 for i in range(999)])
    with pytest.raises(BatchError, match=r"damaged|cannot be read"):
        stage({"a.xlsx": content[: len(content) // 2]})


def test_sheet_and_join_speak_of_workbooks_only(stage):
    with pytest.raises(BatchError, match="is no workbook"):
        stage({"a.csv": b"a\n1\n"}, sheet="One")


def small(tmp_path, **limits):
    return EngineSettings(scratch=tmp_path / "scratch", **limits)


def staged_with(tmp_path, content, **limits):
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    files = [InputFile(path, "file:///a.xlsx", "1")]
    return stage_files(small(tmp_path, **limits), files, SourceFormat(), tmp_path / "into")


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path):
    content = workbook(One=[["x" * 100] * 100 for _ in range(300)])
    with pytest.raises(BatchError, match="unpacks to more than 200,000 bytes"):
        staged_with(tmp_path, content, max_workbook_bytes=200_000)


def test_a_size_that_lies_does_not_help(tmp_path):
    """The header of a member may say anything; what it unpacks to is counted."""
    content = bytearray(workbook(One=[["x" * 100] * 100 for _ in range(300)]))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        info = archive.getinfo("xl/worksheets/sheet1.xml")
    for spot in range(len(content) - 4):
        if struct.unpack_from("<I", content, spot)[0] == info.file_size:
            struct.pack_into("<I", content, spot, 10)
    with pytest.raises(BatchError, match="unpacks to more than 200,000 bytes"):
        staged_with(tmp_path, bytes(content), max_workbook_bytes=200_000)


@pytest.mark.parametrize("corner", ["XFD1048576", "A1048576", "ZZ70000"])
def test_two_cells_far_apart_do_not_fill_the_memory(tmp_path, corner):
    book = openpyxl.Workbook()
    book.active["A1"], book.active[corner] = "id", 1
    out = io.BytesIO()
    book.save(out)
    limit = 40_000_000 if corner != "A1048576" else 1_000_000
    with pytest.raises(BatchError, match=r"spans [\d,]+ cells"):
        staged_with(tmp_path, out.getvalue(), max_sheet_cells=limit)


def test_a_long_sheet_of_few_columns_is_read(tmp_path):
    book = openpyxl.Workbook()
    book.active["A1"], book.active["B200000"] = "id", 1
    out = io.BytesIO()
    book.save(out)
    assert staged_with(tmp_path, out.getvalue(), max_sheet_cells=400_000).records == 1


# -- there and back ---------------------------------------------------------------------------

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="￾￿"),
    max_size=9,
)
CELLS = st.one_of(
    st.none(),
    TEXTS.filter(lambda t: t.strip() and not t.startswith(("=", "#")) and "_x" not in t),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(-1e308, 1e308),
    st.datetimes(dt.datetime(1900, 3, 1), dt.datetime(9999, 12, 31)).map(
        lambda d: d.replace(microsecond=0)
    ),
)


def same(cell, text):
    """Whether a text is what a person reads in a cell."""
    if cell is None or text is None:
        return cell is text
    if isinstance(cell, bool):
        return text == str(cell).lower()
    if isinstance(cell, int | float):
        return math.isclose(float(text), cell, rel_tol=1e-14, abs_tol=5e-324)
    if isinstance(cell, dt.datetime):
        return text == cell.isoformat(" ", "seconds")
    return text == cell


@given(rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=6))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_cell_comes_back(stage, rows):
    staged = stage({"a.xlsx": workbook(One=[["a", "b", "c"], *rows])})
    wanted = [row for row in rows if any(cell is not None for cell in row)]
    assert len(staged.values) == len(wanted)
    for row, texts in zip(wanted, staged.values, strict=True):
        assert all(same(cell, text) for cell, text in zip(row, texts, strict=True)), (row, texts)
