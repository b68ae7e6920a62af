"""Measure conversions without examples: how many fields have every value right.

``python -m benchmarks.mapping.conversions [--test] [--show]`` prints the table; rules are tuned on
the dev half only, and ``--show`` lists what is not right, of dev alone.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.mapping.corpus import cases
from benchmarks.mapping.corpus.case import Case, Gold
from lume_dagster.engines.duckdb_engine import DuckDBEngine
from lume_dagster.engines.readers.files import InputFile
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.flows.model import SourceFormat
from lume_dagster.flows.schema import TargetSchema
from lume_dagster.mapper.convert import Converted, convert
from lume_dagster.mapper.proposal import Verdict
from lume_dagster.mapper.sample import Sample, take_sample
from lume_dagster.mapper.trial import Trial


@dataclass(frozen=True)
class Outcome:
    """What came of a case: the first proposal, and whether all its values are right."""

    case: Case
    first: Converted | None
    right: bool
    wrong: tuple[tuple[object, Gold, object], ...]  # before, gold, what came out

    @property
    def verdict(self) -> Verdict:
        """What the proposal asks of a person."""
        return self.first.verdict if self.first is not None else Verdict.ABSTAIN


def measure(chosen: Iterable[Case] | None = None) -> list[Outcome]:
    """Run every case."""
    with TemporaryDirectory(prefix="lume-conversions-") as scratch:
        folder = Path(scratch)
        return [_run(case, folder / case.id) for case in (chosen or cases())]


def _run(case: Case, folder: Path) -> Outcome:
    settings = EngineSettings(folder / "scratch", threads=1)
    sample = _sample(case, folder, settings)
    schema = {"type": "object", "properties": {case.name: dict(case.target)}}
    target = TargetSchema.parse(schema).fields[0]
    columns = [sample.column(name) for name in case.columns]
    with Trial(settings, sample) as trial:
        found = convert(target, columns, trial, country=case.country)
        if not found:
            return Outcome(case, None, False, ())
        tried = trial.one(target, found[0].expression)
    out = [
        value if error is None else None
        for value, error in zip(tried.values, tried.errors, strict=True)
    ]
    before = list(zip(*case.columns.values(), strict=True))
    wrong = tuple(
        (b, gold, value)
        for b, gold, value in zip(before, case.gold, out, strict=True)
        if not same(value, gold)
    )
    return Outcome(case, found[0], not wrong, wrong)


def _sample(case: Case, folder: Path, settings: EngineSettings) -> Sample:
    """The columns as a CSV file, staged as any batch is; the row's number keeps blank rows."""
    columns = {"row": [str(i) for i in range(len(case.gold))], **case.columns, **case.beside}
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    folder.mkdir(parents=True)
    path = folder / "batch.csv"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    with DuckDBEngine(settings) as engine:
        files = [InputFile(path, "batch.csv", "1")]
        staged = engine.stage_files(files, SourceFormat(type="csv"), folder / "staged")
    return take_sample(settings, staged)


def same(value: str | None, gold: Gold) -> bool:
    """Whether a value, as text, is the one that is right; numbers to nine digits."""
    if value is None or gold is None:
        return value is None and gold is None
    if isinstance(gold, bool):
        return value == str(gold).lower()
    if isinstance(gold, int | float):
        return abs(float(value) - gold) <= 1e-9 * max(1.0, abs(gold))
    if isinstance(gold, list):
        return bool(json.loads(value) == gold)
    return value == gold


# -- the table --------------------------------------------------------------------------------

_COLUMNS: tuple[tuple[str, Callable[[Outcome], bool]], ...] = (
    ("right", lambda o: o.right),
    ("auto right", lambda o: o.verdict == Verdict.AUTO and o.right),
    ("auto wrong", lambda o: o.verdict == Verdict.AUTO and not o.right),
    ("review right", lambda o: o.verdict == Verdict.REVIEW and o.right),
    ("review wrong", lambda o: o.verdict == Verdict.REVIEW and not o.right),
    ("abstained", lambda o: o.verdict == Verdict.ABSTAIN),
    ("schema-valid", lambda o: o.first is not None and o.first.valid >= 0.95),
)


def table(outcomes: Sequence[Outcome]) -> str:
    """Counts by family, in Markdown."""
    names = [name for name, _ in _COLUMNS]
    lines = [f"| family | fields | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|"]
    families = sorted({o.case.family for o in outcomes})
    for family in [*families, "all"]:
        own = [o for o in outcomes if family in (o.case.family, "all")]
        counts = [sum(test(o) for o in own) for _, test in _COLUMNS]
        lines.append(f"| {family} | {len(own)} | {' | '.join(map(str, counts))} |")
    return "\n".join(lines)


def summary(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """The figures that have targets."""
    auto = [o for o in outcomes if o.verdict == Verdict.AUTO]
    codes = [pair for o in outcomes for pair in _codes(o)]
    return {
        "fields": len(outcomes),
        "right": sum(o.right for o in outcomes) / len(outcomes),
        "auto": len(auto) / len(outcomes),
        "wrong among auto": sum(not o.right for o in auto) / max(1, len(auto)),
        "enum values": len(codes),
        "enum top-1": sum(codes) / max(1, len(codes)),
        "calibration error": _calibration_error(outcomes),
    }


def _codes(outcome: Outcome) -> list[bool]:
    """For each distinct value of an enum that means something: whether the first choice is right."""
    if outcome.case.family != "enum":
        return []
    gold = dict(zip(*outcome.case.columns.values(), outcome.case.gold, strict=True))
    wrong = {before[0] for before, _, _ in outcome.wrong if isinstance(before, tuple)}
    return [outcome.first is not None and b not in wrong for b, g in gold.items() if g is not None]


def _calibration_error(outcomes: Sequence[Outcome], bins: int = 5) -> float:
    """The expected calibration error: probability against the share that is right."""
    pairs = [(o.first.probability, o.right) for o in outcomes if o.first is not None]
    error = 0.0
    for n in range(bins):
        own = [
            p for p in pairs if n / bins <= p[0] < (n + 1) / bins or (n == bins - 1 and p[0] == 1)
        ]
        if own:
            error += abs(sum(p for p, _ in own) - sum(r for _, r in own)) / len(pairs)
    return error


def main() -> None:
    """Print the table of dev, or of test."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--test", action="store_true", help="the test half; its cases stay unseen"
    )
    arguments.add_argument(
        "--show", action="store_true", help="what is not right or not auto in dev"
    )
    arguments.add_argument("--only", default="", help="cases whose id holds this")
    given = arguments.parse_args()
    chosen = [c for c in cases() if c.is_dev != given.test and given.only in c.id]
    outcomes = measure(chosen)
    print(table(outcomes), "\n")
    print(" · ".join(f"{name} {value:.3g}" for name, value in summary(outcomes).items()))
    if given.show and not given.test:
        for outcome in outcomes:
            _show(outcome)


def _show(outcome: Outcome) -> None:
    first = outcome.first
    if outcome.right and outcome.verdict == Verdict.AUTO:
        return
    mark = "right" if outcome.right else "WRONG"
    print(f"{outcome.case.id}: {mark} {outcome.verdict} {first.probability if first else ''}")
    if first is not None:
        print(f"    {first.expression[:160]}  {first.loss.dropped} failed {first.loss.failed}")
    for before, gold, value in outcome.wrong[:2]:
        print(f"    {before} -> {value!r}, right is {gold!r}")


if __name__ == "__main__":
    main()
