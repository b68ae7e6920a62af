"""Stage bytes and look at what became of them, in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lume_dagster.engines.batch import StagedBatch
from lume_dagster.engines.readers.files import InputFile
from lume_dagster.engines.readers.staged_view import staged_view_sql
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.engines.stage import stage_files
from lume_dagster.flows.model import SourceFormat
from lume_dagster_tests.in_memory import connect


@dataclass(frozen=True)
class Staged:
    """A staged batch, read back: its rows and its malformed records by their number."""

    batch: StagedBatch
    rows: dict[int, tuple[Any, ...]]
    malformed: dict[int, tuple[str, str]]  # text, message

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.batch.columns]

    @property
    def values(self) -> list[tuple[Any, ...]]:
        return list(self.rows.values())


def read_back(batch: StagedBatch) -> Staged:
    """Read a staged batch, and hold it to law 1: each record is in one place, once."""
    with connect() as connection:
        found = connection.execute(f"{staged_view_sql(batch)} ORDER BY 1").fetchall()
        broken: list[tuple[Any, ...]] = []
        if batch.malformed_path.exists():
            broken = connection.execute(
                "SELECT _lume_row, text, message FROM read_parquet($1) ORDER BY 1",
                [str(batch.malformed_path)],
            ).fetchall()
    numbers = sorted([row[0] for row in found] + [row[0] for row in broken])
    assert numbers == list(range(1, batch.records + 1))
    assert len(broken) == batch.malformed
    assert StagedBatch.load(batch.folder) == batch
    return Staged(
        batch,
        {row[0]: row[1:] for row in found},
        {row: (text, message) for row, text, message in broken},
    )


@pytest.fixture(name="read_back")
def read_back_fixture() -> Callable[[StagedBatch], Staged]:
    return read_back


@pytest.fixture
def settings(tmp_path: Path) -> EngineSettings:
    return EngineSettings(scratch=tmp_path / "scratch", memory_limit="500MB", threads=2)


@pytest.fixture
def stage(tmp_path: Path, settings: EngineSettings) -> Callable[..., Staged]:
    """Stage the bytes of one file, or of several by name; options are those of a format."""

    def staged(content: bytes | Mapping[str, bytes], **options: Any) -> Staged:
        named = {"batch.csv": content} if isinstance(content, bytes) else content
        files = []
        for name, data in named.items():
            path = tmp_path / "in" / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            files.append(InputFile(path, f"file:///{name}", "1"))
        into = tmp_path / "staging" / "batch"
        return read_back(stage_files(settings, files, SourceFormat(**options), into))

    return staged
