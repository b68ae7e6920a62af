"""A large file is read while it is counted; what comes out is the same as if it had not been."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lume_dagster.engines.readers.csv_ahead import reading_ahead
from lume_dagster.engines.readers.csv_file import Examiner
from lume_dagster.engines.readers.files import InputFile, plain_files
from lume_dagster.engines.readers.staging import Staging
from lume_dagster.engines.session import open_session
from lume_dagster.engines.settings import MIB, SMALL_BYTES
from lume_dagster.engines.stage import stage_files
from lume_dagster.flows.model import SourceFormat

HEADER = b"id,name,city\n"
ROW = b'%d,"a name, quoted",somewhere that is far away\n'
LARGE = HEADER + b"".join(ROW % n for n in range(SMALL_BYTES // 40))
AS_IT_IS = SourceFormat()

#: What stands after the large part; whether what was read ahead holds it; the reader in the end.
TAILS = [
    (b"", True, "fast"),
    (b"7,\xc3\xbc,z", True, "fast"),
    (b'7,"two\nlines",z\n\n\n', True, "fast"),
    (b"7,x\n", False, "sieved"),
    (b"7,\xfc,z\n", None, "fast"),  # Windows-1252: another encoding, so another statement
    (b"7,x,y\r\n", None, "sieved"),
    (b'7,"never closed,y\n', None, "sieved"),
    (HEADER, None, "sieved"),
    (b"7,x," + b"y" * 3 * MIB + b"\n", None, "fast"),  # a longer line is another statement
]


@pytest.mark.parametrize(("tail", "is_read", "reader"), TAILS)
def test_what_was_read_ahead_is_taken_only_where_the_count_agrees(
    tmp_path, settings, read_back, tail, is_read, reader
):
    path = tmp_path / "large.csv"
    path.write_bytes(LARGE + tail)
    incoming = [InputFile(path, path.as_uri(), "1")]
    assert _has_read(incoming, settings, tmp_path / "try") is is_read
    ahead = stage_files(settings, incoming, AS_IT_IS, tmp_path / "ahead")
    after = stage_files(replace(settings, threads=1), incoming, AS_IT_IS, tmp_path / "after")
    assert ahead.files[0].details["reader"] == reader
    assert ahead.files == after.files
    one, other = read_back(ahead), read_back(after)
    assert (one.rows, one.malformed) == (other.rows, other.malformed)
    assert {p.name for p in ahead.folder.iterdir()} == {p.name for p in after.folder.iterdir()}


def _has_read(incoming, settings, folder):
    folder.mkdir()
    files = plain_files(incoming, settings, folder)
    with open_session(settings, read=[file.path for file in files], write=[folder]) as session:
        staging = Staging(session, settings, files, AS_IT_IS, folder, folder)
        examiner = Examiner(AS_IT_IS, settings, folder)
        with reading_ahead(staging, examiner) as ahead:
            return ahead.has_read([examiner.examine(0, files[0])])


def test_what_still_runs_when_examining_fails_is_broken_off(tmp_path, settings):
    path = tmp_path / "large.csv"
    path.write_bytes(LARGE * 4)
    files = plain_files([InputFile(path, path.as_uri(), "1")], settings, tmp_path)
    with open_session(settings, read=[path], write=[tmp_path]) as session:
        staging = Staging(session, settings, files, AS_IT_IS, tmp_path, tmp_path)
        with (
            pytest.raises(RuntimeError, match="examining failed"),
            reading_ahead(staging, Examiner(AS_IT_IS, settings, tmp_path)) as ahead,
        ):
            raise RuntimeError("examining failed")
        assert ahead.records.done()
        assert session.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_small_file_and_a_single_processor_are_not_worth_it(tmp_path, settings, threads):
    path = tmp_path / "a.csv"
    path.write_bytes(LARGE if threads == 1 else HEADER)
    settings = replace(settings, threads=threads)
    files = plain_files([InputFile(path, path.as_uri(), "1")], settings, tmp_path)
    with open_session(settings, read=[path], write=[tmp_path]) as session:
        staging = Staging(session, settings, files, AS_IT_IS, tmp_path, tmp_path)
        with reading_ahead(staging, Examiner(AS_IT_IS, settings, tmp_path)) as ahead:
            assert ahead is None
