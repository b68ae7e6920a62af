"""How Parquet files are written: fast for tables as they are, in bounded memory for wide ones."""

from __future__ import annotations

#: Entries of all dictionaries of a file together: they are set aside for each column before the
#: first row, 47 bytes each, and 5,000 columns of the usual 4,096 entries took 940 MB.
_ENTRIES = 1_000_000
_MOST_ENTRIES = 4_096
#: Values of a row group, which is held whole before it is written.
_VALUES = 20_000_000
_GROUP_ROWS, _FEWEST_ROWS = 122_880, 2_048

#: Staged rows: the fastest of a dozen settings for a million rows of 20 texts. Zstandard makes it a
#: third smaller for a tenth more CPU, and more whenever it is read. A dictionary of up to a fifth
#: of a row group, which is DuckDB's own limit, takes a fifth more CPU and saves 4 % of the size.
_STAGED = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION snappy"
#: Output: Parquet 2 encodings took 16 % less CPU than the default for 1M mapped rows, and less
#: disk; small dictionaries 9 % less again, for 2 % more disk.
_OUTPUT = "FORMAT parquet, PARQUET_VERSION v2"


def staged_parquet(columns: int) -> str:
    """The options of a COPY that stages rows of so many columns."""
    return f"{_STAGED}, {_for_width(columns)}"


def output_parquet(columns: int) -> str:
    """The options of a COPY that puts out rows of so many columns."""
    return f"{_OUTPUT}, {_for_width(columns)}"


def _for_width(columns: int) -> str:
    entries = max(1, min(_MOST_ENTRIES, _ENTRIES // max(1, columns)))
    rows = max(_FEWEST_ROWS, min(_GROUP_ROWS, _VALUES // max(1, columns)))
    return f"DICTIONARY_SIZE_LIMIT {entries}, ROW_GROUP_SIZE {rows // _FEWEST_ROWS * _FEWEST_ROWS}"
