"""An archive is unpacked into its folder, whole, or it is refused before anything is written."""

from __future__ import annotations

import io
import stat
import zipfile

import pytest

from lume_dagster.client.archive import beside, unpack
from lume_dagster.client.lume_run import LumeRun
from lume_dagster.errors import ConnectorError, EngineError, TransientError
from lume_dagster_tests.servers.faulty_relay import Fault, faulty_relay_to

ROWS = b"id,amount\n1,2\n" * 1000


def packed(tmp_path, *members, data=ROWS):
    """An archive outside the folder that it is unpacked into."""
    file = tmp_path / "sent.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            archive.writestr(member, data)
    return file


def into(tmp_path):
    folder = tmp_path / "deep" / "down" / "here"
    folder.mkdir(parents=True)
    return folder


def named(name, **more):
    info = zipfile.ZipInfo("harmless")
    info.filename, info.compress_type = name, zipfile.ZIP_DEFLATED
    for field, value in more.items():
        setattr(info, field, value)
    return info


def left(tmp_path):
    return [str(path) for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".zip"]


def test_the_tree_is_written_in_the_order_of_the_archive(tmp_path):
    names = ["mapped/part-0000.csv", "a.csv-0f/rejects/part-0000.csv", "metrics.json"]
    folder = into(tmp_path)
    assert unpack(packed(tmp_path, *names), folder) == tuple(folder / name for name in names)
    assert (folder / names[1]).read_bytes() == ROWS


def test_an_older_download_is_replaced(tmp_path):
    folder = into(tmp_path)
    (folder / "metrics.json").write_text("old, and longer than the new one is" * 1000)
    unpack(packed(tmp_path, "metrics.json"), folder)
    assert (folder / "metrics.json").read_bytes() == ROWS


@pytest.mark.parametrize(
    "name",
    [
        "../out.csv",
        "../../../out.csv",
        "mapped/../../out.csv",
        "mapped/./part.csv",
        "/tmp/out.csv",
        "//server/share/out.csv",
        "C:/out.csv",
        "C:out.csv",
        "..\\out.csv",
        "mapped\\..\\..\\out.csv",
        ".bashrc",
        "mapped/.hidden",
        "a/b/c/d.csv",
        "mapped//part.csv",
        "mapped/pa rt.csv",
        "mapped/part\n.csv",
        "mapped/\u202egpj.csv",
        "part.csv\0.zip",
        "~/out.csv",
        "",
    ],
)
def test_a_name_that_no_run_gives_is_refused(tmp_path, name):
    file = packed(tmp_path, "mapped/part-0000.csv", named(name))
    with pytest.raises(ConnectorError, match="is refused: .*is no name of a file of a run"):
        unpack(file, into(tmp_path))
    assert left(tmp_path) == []


def test_a_link_is_refused(tmp_path):
    link = named("mapped/part-0000.csv", external_attr=(stat.S_IFLNK | 0o777) << 16)
    file = packed(tmp_path, link, data=b"/etc/passwd")
    with pytest.raises(ConnectorError, match="is a link"):
        unpack(file, into(tmp_path))
    assert left(tmp_path) == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "names",
    [
        ("mapped/a.csv", "mapped/a.csv"),
        ("mapped/a.csv", "MAPPED/A.csv"),
        ("mapped", "mapped/a.csv"),
    ],
    ids=["twice", "in other letters", "a file that is a folder"],
)
def test_two_files_of_one_name_are_refused(tmp_path, names):
    with pytest.raises(ConnectorError, match="two files in it have one name"):
        unpack(packed(tmp_path, *names), into(tmp_path))
    assert left(tmp_path) == []


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packing_that_no_server_of_ours_does_is_refused(tmp_path, method):
    file = packed(tmp_path, named("metrics.json", compress_type=method))
    with pytest.raises(ConnectorError, match="is packed in a way that no run packs"):
        unpack(file, into(tmp_path))


def test_files_that_overlap_are_refused(tmp_path):
    file = packed(tmp_path, "mapped/part-0000.csv", data=b"0" * 10_000_000)
    with zipfile.ZipFile(file, "a") as archive:
        first = archive.infolist()[0]
        for number in range(1, 5):
            again = named(f"mapped/part-{number:04d}.csv")
            again.CRC, again.header_offset = first.CRC, first.header_offset
            again.compress_size, again.file_size = first.compress_size, first.file_size
            archive.filelist.append(again)
        archive._didModify = True
    with pytest.raises(ConnectorError, match="its files overlap"):
        unpack(file, into(tmp_path))
    assert left(tmp_path) == []


def test_more_than_there_is_room_for_is_refused(tmp_path):
    file = packed(tmp_path, "metrics.json")
    with zipfile.ZipFile(file, "a") as archive:
        archive.infolist()[0].file_size = 1 << 60
        archive._didModify = True
    with pytest.raises(
        EngineError, match="bytes left, and the files take 1,152,921,504,606,846,976"
    ):
        unpack(file, into(tmp_path))
    assert left(tmp_path) == []


@pytest.mark.parametrize("said", [10, len(ROWS) - 1])
def test_no_more_is_written_than_the_archive_says(tmp_path, said):
    file = packed(tmp_path, "metrics.json", "validation_results.json")
    with zipfile.ZipFile(file, "a") as archive:
        archive.infolist()[1].file_size = said
        archive._didModify = True
    folder = into(tmp_path)
    with pytest.raises(TransientError, match="is not whole"):
        unpack(file, folder)
    assert left(tmp_path) == [str(folder / "metrics.json")]  # it was whole


@pytest.mark.parametrize("kept", [0, 1, 30, 200, -1, -10])
def test_half_an_archive_is_not_whole(tmp_path, kept):
    file = packed(tmp_path, "metrics.json", "validation_results.json")
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(TransientError, match="is not whole"):
        unpack(file, into(tmp_path))
    assert left(tmp_path) == []


def test_a_byte_that_fell_over_is_found(tmp_path):
    file = packed(tmp_path, "metrics.json")
    data = bytearray(file.read_bytes())
    data[60] ^= 0xFF
    file.write_bytes(data)
    with pytest.raises(TransientError, match="is not whole"):
        unpack(file, into(tmp_path))
    assert left(tmp_path) == []


def test_a_server_that_sends_a_hostile_archive_is_refused_at_once(served, done, tmp_path):
    hostile = io.BytesIO()
    with zipfile.ZipFile(hostile, "w") as archive:
        archive.writestr(named("../out.csv"), b"x")
    body = hostile.getvalue()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    output = f"GET /v1/runs/{done.id}/output".encode()
    with faulty_relay_to(served.port, [Fault(output, answer)]) as relay:
        site = served.site(relay.url)
        with pytest.raises(ConnectorError, match=r"'\.\./out\.csv' is no name"):
            LumeRun(site, site.summary(done.id)).download_all(tmp_path / "got")
        assert relay.count(output) == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_stops_in_the_middle_has_no_final_name(tmp_path):
    def stop():
        with beside(tmp_path / "rejects.csv") as new:
            new.write_text("half")
            raise OSError("stop")

    with pytest.raises(OSError, match="stop"):
        stop()
    assert list(tmp_path.iterdir()) == []
