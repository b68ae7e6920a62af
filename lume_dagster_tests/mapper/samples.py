"""Samples for tests: records or a file's text, staged by the real engine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lume_dagster.engines.duckdb_engine import DuckDBEngine
from lume_dagster.engines.readers.files import InputFile
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.flows.model import SourceFormat
from lume_dagster.mapper.sample import SAMPLE_ROWS, Sample, take_sample


def settings_of(folder: Path) -> EngineSettings:
    """An engine that keeps its scratch in the test's folder."""
    return EngineSettings(folder / "scratch", threads=1)


def sample_of_text(
    folder: Path, text: str, name: str = "batch.csv", rows: int = SAMPLE_ROWS
) -> Sample:
    """What a file of this content gives."""
    settings = settings_of(folder)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    with DuckDBEngine(settings) as engine:
        staged = engine.stage_files(
            [InputFile(path, name, "1")], SourceFormat(), folder / f"staged-{name}"
        )
    return take_sample(settings, staged, rows)


def sample_of(folder: Path, records: Sequence[Mapping[str, Any]]) -> Sample:
    """What records give: as JSON Lines."""
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    return sample_of_text(folder, lines, "records.jsonl")
