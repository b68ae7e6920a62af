"""Read a large CSV file while its records are being counted, in the hope that it is in order.

The count is one thread's work, as is much of what DuckDB does to begin and end a statement: one
after the other they leave processors idle. What was read is taken only where the count, made by
other code on the same bytes, says that the statement was the right one and found every record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lume_dagster.engines.readers.csv import Reading, column_ids
from lume_dagster.engines.readers.csv_file import CsvFile, Examiner
from lume_dagster.engines.readers.staging import Staging
from lume_dagster.engines.settings import SMALL_BYTES
from lume_dagster.errors import BatchError

_SOON = 0.05  # seconds: an interrupt is lost on a statement that has not begun


@dataclass(frozen=True, slots=True)
class Ahead:
    """A statement that is running, and the part it writes."""

    reading: Reading
    into: Path
    records: Future[int | None]

    def has_read(self, files: Sequence[CsvFile]) -> bool | None:
        """Whether the part holds these files, now that they were examined; waits until it may.

        False where the fast reader cannot read them, None where it was not tried as it should be.
        """
        if len(files) != 1 or not files[0].is_ordinary:
            return None
        right = Reading.of(files, column_ids(files, None), self.into)
        return self.records.result() == files[0].counted if right == self.reading else None


@contextmanager
def reading_ahead(staging: Staging, examiner: Examiner) -> Iterator[Ahead | None]:
    """Begin to read the first part of a batch of one large file; None for any other batch.

    What still runs in the end is broken off.
    """
    expected = _expected(staging, examiner)
    if expected is None:
        yield None
        return
    into = staging.part(0)
    reading = Reading.of([expected], column_ids([expected], None), into)
    with staging.connection.cursor() as cursor, ThreadPoolExecutor(1, "read-ahead") as thread:
        records = thread.submit(reading.found, cursor)
        try:
            yield Ahead(reading, into, records)
        finally:
            while not records.done():
                cursor.interrupt()
                wait([records], _SOON)


def _expected(staging: Staging, examiner: Examiner) -> CsvFile | None:
    """The file as it is if nothing is wrong with it, where reading ahead is worth its while."""
    if len(staging.files) != 1 or staging.settings.threads == 1:
        return None
    if staging.files[0].path.stat().st_size <= SMALL_BYTES:
        return None
    try:
        return examiner.expect(0, staging.files[0])
    except BatchError:
        return None  # examining the whole file says it, or how the file is to be read instead
