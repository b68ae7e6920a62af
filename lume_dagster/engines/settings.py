"""How much of the machine an engine may use, and how much it takes from input it does not trust."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
GIB = 1 << 30


#: What is spared by taking batches together is what a statement costs, whatever it reads: a larger
#: batch hardly feels it.
SMALL_BYTES = 4 * MIB
SMALL_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """The engine's share of memory, processors and disk, and its limits for untrusted input."""

    scratch: Path  # temporary files: expanded and transcoded input, what the engine spills
    memory_limit: str = "2GB"
    threads: int | None = None
    max_expanded_bytes: int = 64 * GIB  # of all compressed files of one batch together
    max_archive_members: int = 100_000
    max_record_bytes: int = 64 * MIB
    max_workbook_bytes: int = GIB  # of a workbook, unpacked: it is read in memory
    max_sheet_cells: int = 50_000_000  # rows times columns of a sheet
