"""What the whole mapper makes of files as people bring them: drafts against gold values.

``python -m benchmarks.mapping.drafts --show`` lists what is not right, of the dev half alone.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Goal, Result, Table
from benchmarks.mapping.brought import Brought, brought
from benchmarks.mapping.cases import few
from benchmarks.mapping.conversions import same
from benchmarks.mapping.metrics import calibration_error
from benchmarks.setting import Setting
from lume_dagster.engines.duckdb_engine import DuckDBEngine
from lume_dagster.engines.readers.files import InputFile
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.flows.model import SourceFormat
from lume_dagster.flows.schema import TargetSchema
from lume_dagster.mapper.generate import Generator
from lume_dagster.mapper.proposal import Proposal, Verdict
from lume_dagster.mapper.sample import Sample, take_sample
from lume_dagster.mapper.trial import Trial

#: What came of a field: how sure the mapper was, and whether every value is right.
OUTCOMES = (
    "sure and right", "look and right", "rightly none", "none, though there is one",
    "look and wrong", "look, though there is none", "sure and wrong",
)  # fmt: skip
_NEAR = 1e-4  # of numbers: units are converted


@dataclass(frozen=True)
class Outcome:
    """One field of one file."""

    file: Brought
    proposal: Proposal
    what: str


def measure_drafts(setting: Setting) -> Result:
    """Every file mapped, the halves apart."""
    found = outcomes(few(brought(), setting.sizes.cases, lambda file: file.split == "test"))
    rows, errors = [], {}
    for part in ("dev", "test"):
        own = [one for one in found if one.file.split == part]
        counts = Counter(one.what for one in own)
        told = [(o.proposal.confidence, "right" in o.what) for o in own if o.proposal.expression]
        errors[part] = calibration_error(told)
        shares = [f"{counts[what] / len(own):.3f}" for what in OUTCOMES]
        rows.append([part, str(len(own)), *shares, f"{errors[part]:.3f}"])
    return Result(
        title="Files as people bring them, mapped whole",
        rows=[],
        goals=[Goal("test: sure and wrong, of all fields", float(rows[1][-2]), 0.02)],
        notes=list(_NOTES),
        tables=[Table("Drafts", ("part", "fields", *OUTCOMES, "calibration error"), rows)],
    )


_NOTES = (
    "Six to twelve rows a file. Of a field that nobody can tell nothing is counted. Right is a proposal that makes every value "
    "right, numbers to four digits.",
    "The matcher was fitted on the dev half, and knowledge and rules were mended looking at it. The test half was written "
    "before; of it sums were read, and two fields that were sure and wrong, of which one is mended.",
)


def outcomes(files: Iterable[Brought]) -> list[Outcome]:
    """Of every field about which anything is known."""
    with TemporaryDirectory(prefix="lume-drafts-") as scratch:
        return [one for each in files for one in _of_file(each, Path(scratch) / each.name)]


def _of_file(file: Brought, folder: Path) -> Iterator[Outcome]:
    settings = EngineSettings(folder / "scratch", threads=1)
    sample = _sample(file, folder, settings)
    schema = TargetSchema.parse(dict(file.target))
    draft = Generator(settings)(sample, schema)
    fields = {field.path: field for field in schema.walk()}
    with Trial(settings, sample) as trial:
        for proposal in draft.proposals:
            if proposal.path in file.made_from and proposal.path not in file.becomes:
                continue
            gold = file.becomes.get(proposal.path)
            made: Sequence[str | None] = ()
            if proposal.expression is not None:
                tried = trial.one(fields[proposal.path], proposal.expression)
                pairs = zip(tried.values, tried.errors, strict=True)
                made = [value if error is None else None for value, error in pairs]
            yield Outcome(file, proposal, _what(proposal, made, gold))


def _sample(file: Brought, folder: Path, settings: EngineSettings) -> Sample:
    folder.mkdir(parents=True)
    path = folder / "batch.csv"
    with path.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(file.source)
        writer.writerows(zip(*file.source.values(), strict=True))
    with DuckDBEngine(settings) as engine:
        files = [InputFile(path, path.name, "1")]
        staged = engine.stage_files(files, SourceFormat(type="csv"), folder / "staged")
    return take_sample(settings, staged)


def _what(proposal: Proposal, made: Sequence[str | None], gold: Sequence[object] | None) -> str:
    if proposal.expression is None:
        return "rightly none" if gold is None else "none, though there is one"
    how = "sure" if proposal.verdict is Verdict.AUTO else "look"
    if gold is None:
        return "sure and wrong" if how == "sure" else "look, though there is none"
    right = len(made) == len(gold) and all(map(_same, made, gold))
    return f"{how} and {'right' if right else 'wrong'}"


def _same(value: str | None, gold: object) -> bool:
    """As the corpus of conversions says, numbers less exactly, and moments however they are cut."""
    if value is not None and isinstance(gold, int | float) and not isinstance(gold, bool):
        return abs(float(value) - gold) <= _NEAR * max(_NEAR, abs(gold))
    if value is not None and isinstance(gold, str) and gold[10:11] == "T":
        return value.replace(" ", "T").removesuffix("Z").removesuffix("+00:00") == gold
    return same(value, gold)  # type: ignore[arg-type]


def main() -> None:
    """List what is not right of dev."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--show", action="store_true")
    show = parser.parse_args().show
    found = outcomes(file for file in brought() if file.split == "dev")
    for one in found if show else ():
        if not one.what.startswith(("sure and right", "look and right", "rightly")):
            made = one.proposal
            print(f"{one.file.name}: {made.path}: {one.what} ({made.confidence}) {made.expression}")
            print("   ", *made.reasons)
    print(Counter(one.what for one in found))


if __name__ == "__main__":
    main()
