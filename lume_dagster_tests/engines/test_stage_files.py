"""Compressed, archived and mixed deliveries."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import multiprocessing
import os
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lume_dagster.engines.readers.files import InputFile, plain_files
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.errors import BatchError

CSV = b"a,b\n1,x\n2,y\n"
ROWS = [("1", "x"), ("2", "y")]


def zipped(members: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return sink.getvalue()


def parquet(columns: dict[str, list[int]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("pack", "name"),
    [
        (gzip.compress, "gzip"),
        (bz2.compress, "bzip2"),
        (lzma.compress, "xz"),
        (lambda data: pa.compress(data, "zstd", asbytes=True), "zstd"),
        (lambda data: zipped({"x.csv": gzip.compress(data)}), "zip+gzip"),
    ],
)
def test_a_compressed_file_is_read_whatever_its_name(stage, pack, name):
    staged = stage({"batch.csv": pack(CSV)})
    assert staged.values == ROWS
    assert staged.batch.files[0].details["compression"] == name
    assert staged.batch.bytes == len(pack(CSV)) or name.startswith("zip")


def test_the_members_of_an_archive_are_files_of_their_own(stage):
    members = {"b/2.csv": b"a,b\n3,z\n", "b/1.csv": CSV, "b/": b"", "__MACOSX/._1.csv": b"\0"}
    staged = stage({"x.zip": zipped(members)})
    assert [file.uri for file in staged.batch.files] == [
        "file:///x.zip!b/1.csv",
        "file:///x.zip!b/2.csv",
    ]
    assert staged.values == [*ROWS, ("3", "z")]


README = b"This archive holds the orders of March.\nCall us.\n"


def test_a_file_that_shares_no_column_with_the_others_is_refused(stage):
    said = r"x.zip!README.txt shares no column .*x.zip!a.csv: it has 'This.*, they have 'a', 'b'"
    with pytest.raises(BatchError, match=said):
        stage({"x.zip": zipped({"README.txt": README, "a.csv": CSV, "b.csv": CSV})})


def test_a_parquet_file_that_shares_no_column_is_refused(stage):
    tables = {f"{name}.parquet": parquet({name: [1]}) for name in ("a", "b")}
    with pytest.raises(BatchError, match="b.parquet shares no column"):
        stage(tables)
    assert stage({**tables, "c.parquet": parquet({"A": [1], "b": [2]})}).batch.records == 3


@pytest.mark.parametrize(
    ("pack", "name"), [(gzip.compress, "gzip"), (bz2.compress, "bzip2"), (lzma.compress, "xz")]
)
def test_what_follows_a_compressed_stream_is_read_or_refused_and_never_dropped(stage, pack, name):
    packed = pack(CSV)
    assert stage({"a.csv": packed + pack(b"3,z\n") + bytes(512)}).values == [*ROWS, ("3", "z")]
    for damaged in (packed + b"3,z\n", packed + pack(b"3,z\n")[:-3], packed[:-3]):
        with pytest.raises(BatchError, match=f"is a damaged {name} file"):
            stage({"a.csv": damaged})


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("jsonl", b'{"a":1}\n{"A":2}\n', b'{"b":1}\n[]\n{"c":2}\n'),
        ("json", b'[{"a":1},{"A":2}]', b'[{"b":1},[],{"c":2}]'),
    ],
)
def test_a_json_file_that_shares_no_key_is_refused(stage, kind, one, other):
    files = {f"1.{kind}": one, f"2.{kind}": b"", f"3.{kind}": other}
    with pytest.raises(
        BatchError, match=rf"/3.{kind} shares no .*/1.{kind}: it has 'b', 'c', they have 'a', 'A'"
    ):
        stage(files)
    between = b'[{"c":0,"A":0}]' if kind == "json" else b'{"c":0}\n{"A":0}\n'
    assert stage({**files, f"4.{kind}": between}).names == ["a", "A", "b", "c"]
    nothing = {f"5.{kind}": b"[{}]" if kind == "json" else b"{}\n{bad\n"}
    assert stage({f"1.{kind}": one, **nothing}).names == ["a", "A"]


def test_members_of_an_archive_are_chosen_by_a_pattern(stage):
    members = {"README.txt": README, "d/a.csv": CSV, "d/other.tsv": b"q\tr\n1\t2\n"}
    staged = stage({"x.zip": zipped(members)}, members="*.csv")
    assert staged.values == ROWS
    assert staged.batch.left_out == ("file:///x.zip!README.txt", "file:///x.zip!d/other.tsv")
    assert stage({"x.zip": zipped(members)}, members="d/a*").values == ROWS
    with pytest.raises(
        BatchError, match=r"(?s)No member of .* matches .*'\*.json'; it holds README"
    ):
        stage({"x.zip": zipped(members)}, members="*.json")


def test_what_systems_leave_beside_files_is_left_out_and_named(stage):
    litter = {"Thumbs.db": b"\xd0\xcf", "__MACOSX/._a.csv": b"\0", "d/.DS_Store": b"\0\1"}
    assert stage({"x.zip": zipped({**litter, "d/a.csv": CSV})}).values == ROWS
    staged = stage({"a.csv": CSV, "desktop.ini": b"[x]\n", "b.csv": CSV})
    assert staged.values == ROWS * 2
    assert staged.batch.left_out == ("file:///desktop.ini",)


@pytest.mark.parametrize(
    ("files", "values"),
    [
        (
            {"a.csv": CSV, "b.csv": b"B,c\nz,9\n"},
            [("1", "x", None), ("2", "y", None), (None, "z", "9")],
        ),
        ({"a.csv": CSV, "b.csv": b"b,c\nz,9\n", "c.csv": b"c,d\n8,7\n"}, None),
        ({"a.csv": CSV, "empty.csv": b"q,r\n"}, None),
        ({"a.csv": CSV, "nothing.csv": b""}, None),
    ],
)
def test_files_that_share_a_column_or_hold_no_row_are_one_batch(stage, files, values):
    staged = stage(files)
    assert values is None or staged.values == values


def test_names_that_differ_in_case_from_file_to_file_are_one_column(stage):
    staged = stage({"a.csv": CSV, "b.csv": b"B,A\nz,3\n"})
    assert (staged.names, staged.values) == (["a", "b"], [*ROWS, ("3", "z")])
    staged = stage({"a.csv": CSV, "b.csv": b"A,a,B\n3,4,z\n"})
    assert staged.names == ["a", "b", "A"]
    assert staged.values[2] == ("4", "z", "3")


def test_a_member_cannot_be_written_outside(stage, tmp_path):
    stage({"x.zip": zipped({"../../../escaped.csv": CSV})})
    assert not list(tmp_path.parent.rglob("escaped.csv"))


def test_a_bomb_is_refused(stage, settings):
    object.__setattr__(settings, "max_expanded_bytes", 1_000_000)
    with pytest.raises(BatchError, match="expand to more than 1,000,000 bytes"):
        stage({"bomb.csv.gz": gzip.compress(b"0" * 10_000_000)})


def test_a_file_that_is_cut_off_is_told_so(stage):
    with pytest.raises(BatchError, match=r"file:///x.gz is a damaged gzip file.*\n.*cut off"):
        stage({"x.gz": gzip.compress(CSV * 100)[:-20]})


def test_an_encrypted_archive_is_told_so(stage):
    data = bytearray(zipped({"x.csv": CSV}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(BatchError, match="x.zip!x.csv is encrypted"):
        stage({"x.zip": bytes(data)})


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"[Content_Types].xml": b"<x/>"}, "is an Office document, and not an Excel workbook"),
        (
            {"mimetype": b"x", "content.xml": b"<x/>", "META-INF/manifest.xml": b"<x/>"},
            "is an OpenDocument file, and not an Excel workbook",
        ),
        ({"Index/Document.iwa": b"x"}, "is a document of Numbers or Pages"),
    ],
    ids=["office", "ods", "numbers"],
)
def test_a_document_in_a_zip_file_is_told_so(stage, members, said):
    with pytest.raises(BatchError, match=said):
        stage({"x.xlsx": zipped(members)})


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"\x04\x22\x4d\x18dpabc", "is packed with LZ4, and no table"),
        (b"\xff\x06\x00\x00sNaPpY", "is packed with Snappy, and no table"),
        (b"\x1f\x9d\x90abc", r"is packed with compress \(\.Z\), and no table"),
    ],
    ids=["lz4", "snappy", "compress"],
)
def test_what_packs_a_file_and_is_not_unpacked_is_named(stage, head, said):
    with pytest.raises(BatchError, match=rf"{said}.*\n.*packed with gzip, zstd"):
        stage({"x.csv": head})


def test_files_of_two_formats_are_no_batch(stage):
    with pytest.raises(BatchError, match="files of different formats: csv .* and jsonl"):
        stage({"a.csv": CSV, "b.jsonl": b'{"a":1}\n'})


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("x", b'{"a": 1}\n{"a": 2}\n', "json"),
        ("x", b'[{"a": 1}]', "json"),
        ("x", b"[draft] a,b\n1,2\n", "csv"),
        ("x.json", b'{\n "a": 1\n}', "json"),
        ("x.json.gz", gzip.compress(b'{"a": 1}\n{"a": 2}', mtime=0), "json"),
        ("x.tsv", b"a,x\tb\n1\t2\n", "csv"),
        ("x", b"a,b\n", "csv"),
    ],
)
def test_a_format_is_found_out_by_name_and_content(stage, name, data, kind):
    assert stage({name: data}).batch.format == kind


PAGE = b"\xef\xbb\xbf<!DOCTYPE html>\n<html><head><title>Sign  in</title></head></html>"
ERROR = b'{"error": "unauthorized", "code": 401}'


@pytest.mark.parametrize("kind", [None, "csv", "json"])
@pytest.mark.parametrize(
    ("data", "what"),
    [
        (PAGE, r"web page \('Sign in'\), and no table"),
        (PAGE[3:].decode().encode("utf-16"), r"web page \('Sign in'\)"),
        (b"<!-- x --><TABLE><tr><td>1", "web page, and no table"),
        (b'<?xml version="1.0"?>\n<Error><Code>x', "XML document \\(<Error>\\)"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n\x00", "a picture"),
        (b"x" * 257 + b"ustar\x00", "a tar archive"),
        (gzip.compress(PAGE, mtime=0), "web page"),
    ],
)
def test_what_is_no_table_is_refused_whatever_it_is_called(stage, data, what, kind):
    options = {"type": kind} if kind else {}
    with pytest.raises(BatchError, match=rf"x\.csv is an? .*{what.removeprefix('a ')}.*\nHint: "):
        stage({"x.csv": data}, **options)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (ERROR, r"a JSON document with the keys 'error', 'code', and no CSV file.*type: json$"),
        (b'[\n {"a": 1},\n {"a": 2}]', r"a JSON document, and no CSV file.*type: json$"),
        (b'{"a": 1}\n{"a": 2}\n', r"JSON Lines, and no CSV file.*type: jsonl$"),
    ],
)
def test_json_that_is_called_csv_is_refused(stage, data, what):
    with pytest.raises(BatchError, match=f"(?s)x.csv is {what}"):
        stage({"x.csv": data})


@pytest.mark.parametrize(
    "data",
    [
        b"id,name,DUCK,ORC\n1,2,3,4\n",
        b"ORC,GIF8\n1,2\n",
        b"<id>,{name}\n1,2\n",
        b'{,"a"\n1,2\n',
        b"x" * 257 + b"ustard,b\n1,2\n",
    ],
)
def test_a_header_that_only_looks_so_is_a_header(stage, data):
    assert stage({"x.csv": data}).batch.records == 1


def test_a_file_that_is_not_there_is_told_by_its_uri(settings, tmp_path):
    from lume_dagster.engines.readers.files import InputFile
    from lume_dagster.engines.stage import stage_files
    from lume_dagster.flows.model import SourceFormat

    gone = InputFile(tmp_path / "gone.csv", "s3://b/gone.csv", "1")
    with pytest.raises(BatchError, match="s3://b/gone.csv cannot be read: No such file"):
        stage_files(settings, [gone], SourceFormat(), tmp_path / "out")


def test_a_file_that_may_not_be_read_is_told_by_name(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(CSV)
    path.chmod(0)
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o011)
    told, tell = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_read_as_nobody, args=(path, tell))
    child.start()
    child.join(30)
    assert told.poll(0)
    assert told.recv() == f"BatchError {path.as_uri()} cannot be read: Permission denied."


def _read_as_nobody(path, tell):
    if os.getuid() == 0:
        os.setuid(65534)
    try:
        plain_files([InputFile(path, path.as_uri(), "1")], EngineSettings(path), path.parent)
    except Exception as error:  # noqa: BLE001 - it is told to the parent
        tell.send(f"{type(error).__name__} {error}")
