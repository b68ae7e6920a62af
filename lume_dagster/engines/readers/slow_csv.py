"""Read a damaged CSV file record by record: nothing is given up, and every line goes somewhere."""

from __future__ import annotations

from pathlib import Path

from lume_dagster.engines.readers.csv_file import CsvFile
from lume_dagster.engines.readers.csv import ReadFile
from lume_dagster.engines.readers.malformed import MalformedSink


def read_slowly(
    file: CsvFile, ids: dict[str, str], sink: MalformedSink, into: Path, limit: int
) -> ReadFile:
    """Stage one file into one part; to come."""
    raise NotImplementedError
