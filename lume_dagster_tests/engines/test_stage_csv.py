"""Every way a CSV file is written, and what becomes of its records."""

from __future__ import annotations

import pytest

from lume_dagster.errors import BatchError

HEADER = b"a,b,c\n"
PLAIN = [("1", "x", "3"), ("2", "y", "4")]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"a,b,c\n1,x,3\n2,y,4\n", {"delimiter": ",", "line_end": "lf", "reader": "fast"}),
        (b"a;b;c\n1;x;3\n2;y;4", {"delimiter": ";"}),
        (b"a\tb\tc\n1\tx\t3\n2\ty\t4\n", {"delimiter": "\t"}),
        (b"a|b|c\n1|x|3\n2|y|4\n", {"delimiter": "|"}),
        (b"'a','b','c'\n'1','x','3'\n'2','y','4'\n", {"quote": "'"}),
        (b"\xef\xbb\xbfa,b,c\n1,x,3\n2,y,4\n", {"encoding": "utf-8"}),
        (b"a,b,c\r\n1,x,3\r\n2,y,4\r\n", {"line_end": "crlf"}),
        (b"a,b,c\r1,x,3\r2,y,4\r", {"line_end": "cr"}),
        (b"a,b,c\n1,x,3\r\n2,y,4\r", {"line_end": "mixed"}),
        (b"\n\r\na,b,c\n\n1,x,3\n\n\n2,y,4\n\n", {}),
        ("a,b,c\n1,x,3\n2,y,4\n".encode("utf-16"), {"encoding": "utf-16-le"}),
        ("a,b,c\n1,x,3\n2,y,4\n".encode("utf-16-be"), {"encoding": "utf-16-be"}),
        ("\ufeffa,b,c\n1,x,3\n2,y,4\n".encode("utf-32-be"), {"encoding": "utf-32-be"}),
        (b'a , b,"c"\n"1","x",3\n2,y,"4"\n', {}),
        (b"a,b,c\n1,x,3,\n2,y,4,,\n", {}),
    ],
)
def test_the_same_table_written_differently_is_the_same(stage, data, found):
    staged = stage(data)
    assert staged.names == ["a", "b", "c"]
    assert staged.values == PLAIN
    details = staged.batch.files[0].details
    assert {key: details[key] for key in found} == found


def test_an_empty_field_is_null_and_a_quoted_one_is_empty_text(stage):
    staged = stage(HEADER + b',"",\n"","",""\n NULL,\\N,""\n')
    assert staged.values == [(None, "", None), ("", "", ""), (" NULL", "\\N", "")]


def test_quoted_fields_keep_delimiters_line_ends_and_quotes(stage):
    staged = stage(HEADER + b'1,"x,""y""\r\nz\r",3\n"2\n",b,c\n')
    assert staged.values == [("1", 'x,"y"\r\nz\r', "3"), ("2\n", "b", "c")]


def test_mixed_line_ends_outside_quotes_leave_those_inside_alone(stage):
    staged = stage(HEADER + b'1,"x\r\ny\rz\n",3\r\n2,b,c\r3,d,e\n')
    assert staged.values == [("1", "x\r\ny\rz\n", "3"), ("2", "b", "c"), ("3", "d", "e")]


def test_ragged_records_are_malformed_with_their_text_number_and_reason(stage):
    staged = stage(HEADER + b'1,2,3\n4,5\n6,"7\n7",8\n9,9,9,9\n   \n0,0,0\n')
    assert list(staged.rows) == [1, 3, 6]
    assert staged.malformed == {
        2: ("4,5", "expected 3 columns, found 2"),
        4: ("9,9,9,9", "expected 3 columns, found 4"),
        5: ("   ", "expected 3 columns, found 1"),
    }


def test_of_one_column_the_reason_is_singular(stage):
    (told,) = stage(b"id\n1,2\n", delimiter=",").malformed.values()
    assert told[1] == "expected 1 column, found 2"


def test_after_an_unclosed_quote_only_that_line_is_malformed(stage):
    staged = stage(HEADER + b'1,"abc,2\n2,b,3\n3,"x\ny",4\n4,c,4')
    assert staged.malformed == {1: ('1,"abc,2', "a quote is not closed")}
    assert staged.values == [("2", "b", "3"), ("3", "x\ny", "4"), ("4", "c", "4")]


def test_text_after_a_closing_quote_is_malformed(stage):
    staged = stage(HEADER + b'1,"x"y,2\n2,b,3\n')
    assert staged.malformed == {1: ('1,"x"y,2', "text stands after a closing quote")}


def test_a_quote_inside_an_unquoted_field_is_text(stage):
    staged = stage(HEADER + b'1,5" nail,2\n2,6" nail,3\n3,"7"" nail",4\n')
    assert [row[1] for row in staged.values] == ['5" nail', '6" nail', '7" nail']


def test_windows_1252_and_latin_1_are_told_apart_and_read(stage):
    windows = stage("a,b\n€,Müller\nß,Grün\n".encode("cp1252"))
    assert windows.values == [("€", "Müller"), ("ß", "Grün")]
    assert windows.batch.files[0].details["encoding"] == "cp1252"
    latin = stage("a,b\n\x81,Müller\n".encode("latin-1"))
    assert latin.values == [("\x81", "Müller")]


def test_a_few_damaged_bytes_in_utf_8_damage_only_their_records(stage):
    staged = stage("a,b\nä,1\nö,2\nü,3\n".encode() + b"\xff\xfe,4\n5,ok\n")
    assert [row[0] for row in staged.values] == ["ä", "ö", "ü", "5"]
    assert staged.malformed == {4: (r"\xff\xfe,4", "byte 0xFF at position 1 is not utf-8")}


def test_utf_16_that_is_cut_off_shows_the_byte_that_is_left(stage):
    staged = stage("a,b\n1,2\n".encode("utf-16") + b"x")
    text, message = staged.malformed[2]
    assert text == r"\x78"
    assert "the text is damaged: it is not utf-16-le" in message


def test_an_encoding_that_is_given_is_used(stage):
    staged = stage("a,b\nテスト,1\n".encode("shift_jis"), encoding="shift_jis")
    assert staged.values == [("テスト", "1")]


@pytest.mark.parametrize("encoding", ["utf-7", "utf_16_le", "UTF-32", "cp1252", "big5", "koi8_r"])
def test_every_encoding_that_a_flow_may_name_can_be_read(stage, encoding):
    assert stage("a,b\n1,2\n".encode(encoding), encoding=encoding).values == [("1", "2")]


def test_header_names_are_trimmed_numbered_and_filled(stage):
    staged = stage(b" id ,name,,name,Name,\n1,2,3,4,5,6\n")
    assert staged.names == ["id", "name", "column_3", "name_2", "Name", "column_6"]


def test_a_file_without_a_header_has_given_or_made_up_names(stage):
    assert stage(b"1,2\n3,4\n", header=False).names == ["column_1", "column_2"]
    named = stage(b"1,2\n3\n", header=False, columns=("x", "y"))
    assert (named.names, named.values, list(named.malformed)) == (["x", "y"], [("1", "2")], [2])


def test_a_file_with_another_number_of_columns_than_the_flow_names_is_malformed(stage):
    staged = stage(b"1,2\n3,4\n", header=False, columns=("x", "y", "z"))
    assert (staged.values, list(staged.malformed)) == ([], [1, 2])


def test_lines_before_the_header_are_skipped(stage):
    staged = stage(b'# made "by hand\r\n# on Monday\r\na,b\r\n1,2\r\n', skip_lines=2)
    assert (staged.names, staged.values) == (["a", "b"], [("1", "2")])


@pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\n', "SEP=;\r", "sep=;;;\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("body", ['a;b\n1,5;2\n"x\ny";3\n', 'a;b\n1,5;2\n"x\ny";3\n4\n'])
def test_the_line_that_tells_excel_the_delimiter_is_no_header(stage, first, encoding, body):
    staged = stage((first + body).encode(encoding))
    assert staged.names == ["a", "b"]
    assert staged.values == [("1,5", "2"), ("x\ny", "3")]
    assert len(staged.malformed) == body.count("4\n")


def test_a_delimiter_that_the_flow_names_counts_more_than_the_files(stage):
    assert stage(b"sep=;\na;b\n1;2\n", delimiter=";").names == ["a", "b"]
    assert stage(b"sep=;\na,b\n1,2\n", delimiter=",").names[0] == "sep=;"


@pytest.mark.parametrize(
    ("block", "line"),
    [
        ("Export\n\nMay 2024\n", 4),
        ("Export;;\r\nMay;;\r\n;;\r\n", 4),
        ('"Export\nof May"\n', 3),
        ("", None),
    ],
)
def test_where_the_header_seems_to_stand_below_a_title_is_told(stage, block, line):
    text = f"{block}id;name;price\n" + "".join(f"{i};Ann;{i},5\n" for i in range(9))
    staged = stage({"x.csv": text.encode()}).batch
    assert staged.header_elsewhere == (line and ("file:///x.csv", line))
    if line:
        skipped = stage({"x.csv": text.encode()}, skip_lines=line - 1)
        assert skipped.names == ["id", "name", "price"]
        assert skipped.batch.records == 9
        assert skipped.batch.header_elsewhere is None


def test_where_the_header_seems_to_stand_below_names_with_values_is_told(stage):
    block = '"Account";"DE89 3704 0044"\n"Period";"1.5. to 31.5."\n\n'
    text = f"{block}id;name;price;unit;at\n" + "1;Ann;15;kg;1.5.\n" * 9
    staged = stage({"x.csv": text.encode()})
    assert len(staged.names) == 2
    assert staged.batch.header_elsewhere == ("file:///x.csv", 4)


@pytest.mark.parametrize(
    "text",
    [
        ",a,b\n0,x,y\n1,z,y\n",  # an index without a name
        "name\nAnn Lee\nBo Ek\n",  # one column
        "note\na, b\nc, d\ne\n",  # one column of texts with commas
        "a,b\nx\ny\n",  # ragged below
        "id\n1,2\n3,4\n",  # no names anywhere
        "a,b\n" + "x,y\n" * 9 + "sum\n",  # a line below that is no row
        'a,b\nx,"y\ny"\n',  # a line break in the last field
    ],
)
def test_no_other_header_is_told_where_none_is_to_be_seen(stage, text):
    assert stage({"x.csv": text.encode()}).batch.header_elsewhere is None


def test_a_header_with_an_open_quote_is_told_with_the_file(stage):
    with pytest.raises(BatchError, match="The header of file:///batch.csv has a quote"):
        stage(b'a,"b\n1,2\n')


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n\r\n\n"])
def test_a_file_of_nothing_is_a_batch_of_nothing(stage, data):
    staged = stage(data)
    assert (staged.names, staged.batch.records, staged.batch.parts) == ([], 0, ())


def test_a_header_alone_names_the_columns(stage):
    staged = stage(HEADER)
    assert (staged.names, staged.batch.records) == (["a", "b", "c"], 0)


def test_one_column_needs_no_delimiter(stage):
    staged = stage(b'name\nDoe, John\n\n"a\nb"\n""\n')
    assert staged.values == [("Doe, John",), ("a\nb",), ("",)]


def test_nul_bytes_are_kept(stage):
    assert stage(b"a,b\n1\x00,2\n\x00,3\n").values == [("1\x00", "2"), ("\x00", "3")]


@pytest.mark.parametrize("field", [b"x" * (10 << 20), b'"' + b"x\n" * (5 << 20) + b'"'])
def test_a_field_of_ten_megabytes_is_read(stage, field):
    staged = stage(HEADER + b"1," + field + b",2\n2,b,3\n")
    assert staged.rows[1][1] == field.strip(b'"').decode()


def test_a_line_over_the_limit_is_malformed_and_measured(stage, settings):
    object.__setattr__(settings, "max_record_bytes", 1000)
    long = b"x" * 9_000_000
    staged = stage(HEADER + b"1,2,3\n" + long + b"\r\n4,5,6\n")
    text, message = staged.malformed[2]
    assert (list(staged.rows), len(text)) == ([1, 3], 1000)
    assert message.startswith("the line has 9,000,000 bytes; the limit is 1,000")


def test_backslash_escapes_are_found_out(stage):
    staged = stage(b'a,b\n"1\\"x",2\n"3\\\\","4,5"\n')
    assert staged.values == [('1"x', "2"), ("3\\", "4,5")]


def test_delimiters_of_several_characters_are_read(stage):
    staged = stage(b'a||b\n1||"x||y"\n2\n', delimiter="||")
    assert (staged.values, list(staged.malformed)) == ([("1", "x||y")], [2])


def test_a_quote_may_be_switched_off(stage):
    assert stage(b'a,b\n"1,2"\n', quote="").values == [('"1', '2"')]


def test_files_with_different_headers_are_united_by_name(stage):
    staged = stage(
        {
            "1.csv": b"a,b\n1,2\n3\n",
            "2.csv": b"c;b\r\n4;5\r\n6;7\r\n",
            "3.csv": b"",
            "4.csv": b"a,b\n8,9\n",
        }
    )
    assert staged.names == ["a", "b", "c"]
    assert staged.rows == {
        1: ("1", "2", None),
        3: (None, "5", "4"),
        4: (None, "7", "6"),
        5: ("8", "9", None),
    }
    spans = [(file.first_row, file.records, file.malformed) for file in staged.batch.files]
    assert spans == [(1, 2, 1), (3, 2, 0), (5, 0, 0), (5, 1, 0)]


def test_many_like_files_become_one_part_in_their_order(stage):
    staged = stage({f"{n:03}.csv": b"a,b\n%d,x\n%d,y\n" % (n, n) for n in range(150)})
    assert [row[0] for row in staged.values] == [str(n) for n in range(150) for _ in "xy"]
    assert len(staged.batch.parts) == 1


def test_one_malformed_file_among_many_keeps_every_row_number(stage):
    files = {f"{n:03}.csv": b"a,b\n%d,x\n%d,y\n" % (n, n) for n in range(20)}
    files["007.csv"] = b"a,b\n7,x\n7\n7,y\n"
    staged = stage(files)
    assert staged.malformed == {16: ("7", "expected 2 columns, found 1")}
    assert staged.rows[17] == ("7", "y")
    assert staged.rows[18] == ("8", "x")


def test_row_numbers_hold_across_many_malformed_records(stage):
    lines = [b"%d" % n if n % 7 == 0 else b"%d,x" % n for n in range(1, 5001)]
    staged = stage(b"n,x\n" + b"\n".join(lines))
    assert all(int(row[0]) == number for number, row in staged.rows.items())
    assert all(int(text) == number for number, (text, _) in staged.malformed.items())


def test_a_file_with_an_odd_name_is_read(stage):
    assert stage({"da[t]a's *?.csv": b"a,b\n1,2\n"}).values == [("1", "2")]


def test_staging_again_replaces_what_is_there_and_leaves_no_litter(stage, tmp_path):
    stage(b"a,b\n1,2\n")
    (tmp_path / "staging" / ".batch.unfinished").mkdir()
    assert stage(b"a,b\n3,4\n").values == [("3", "4")]
    assert [path.name for path in (tmp_path / "staging").iterdir()] == ["batch"]
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    ("data", "rows", "again"),
    [
        (b"a,b\n1,x\na,b\n2,y\n", [1, 3], {2: "a,b"}),
        (b"a,b\r\n1,x\r\na,b\r\n2,y\r\n", [1, 3], {2: "a,b"}),
        (b"a,b\r1,x\ra,b\r2,y", [1, 3], {2: "a,b"}),
        (b"\xef\xbb\xbfa,b\n1,x\n\xef\xbb\xbfa,b\n2,y\na,b", [1, 3], {2: "\ufeffa,b", 4: "a,b"}),
        (b'"a","b"\n"1","x"\n"a","b"\n2,y\n', [1, 3], {2: '"a","b"'}),
        (b"a||b\n1||x\na||b\n2||y\n", [1, 3], {2: "a||b"}),
        ("a;b\n1;x\na;b\n2;y\n".encode("utf-16"), [1, 3], {2: "a;b"}),
        (b"a,b\n" + b"1,x\n" * 300_000 + b"a,b\n2,y\n", None, {300_001: "a,b"}),
    ],
)
def test_a_header_in_the_midst_of_joined_files_is_a_reject_of_its_own(stage, data, rows, again):
    staged = stage(data, **({"delimiter": "||"} if b"||" in data else {}))
    told = {row: (text, "is the header of the file once more") for row, text in again.items()}
    assert staged.malformed == told
    assert rows is None or list(staged.rows) == rows


@pytest.mark.parametrize(
    "data",
    [
        b"a,b\na,x\na,bb\naa,b\n",
        b'a,b\n"q\na,b\nr",x\n',
        b"a\n1\na\n2\n",
        b"a,b\na ,b\nA,B\n",
    ],
)
def test_a_row_that_only_looks_like_the_header_is_a_row(stage, data):
    assert not stage(data).malformed


def test_without_a_header_none_is_repeated(stage):
    assert not stage(b"a,b\n1,x\na,b\n", header=False).malformed


def test_rows_of_a_file_that_is_read_before_an_earlier_one_keep_their_numbers(stage):
    staged = stage({"1.csv": b"a,b\n1\n", "2.csv": b"a,b\n\n1,2\r\n3\n"})
    assert staged.rows == {2: ("1", "2")}
    assert sorted(staged.malformed) == [1, 3]
