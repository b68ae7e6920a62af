"""Map the public cases with a language model: ``make bench ARGS="mapping --provider P --model M"``.

A row is kept in ``models.json`` with its provider, model, date, prompt hash, tokens and price. Without
a key nothing is sent, and what is printed is ``not measured``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from lume_dagster.errors import AuthenticationError, InvalidRequestError, LumeError
from lume_dagster.flows.schema import SchemaField
from lume_dagster.mapper.model import (
    PROVIDERS,
    Answer,
    Budget,
    Candidate,
    Judged,
    ModelSettings,
    Proposed,
    Question,
    Workbench,
    model_proposer,
)
from lume_dagster.mapper.model.batches import SMALL_COLUMNS, SMALL_FIELDS
from lume_dagster.mapper.sample import SampleColumn, reference

KEPT = Path(__file__).with_name("models.json")
_EXAMPLES = 3


class Column(Protocol):
    """What is used of a column of a case."""

    path: str
    name: str
    values: Sequence[str | None]
    description: str


class Case(Protocol):
    """What is used of a case: its gold is source path -> target path, its splits are by source."""

    name: str
    family: str
    source: Sequence[Column]
    target: Sequence[Column]
    gold: Mapping[str, str]
    splits: Mapping[str, str]


Shortlists = Callable[[Case], Mapping[str, tuple[Candidate, ...]]]


@dataclass
class Tally:
    """The target columns of one split of one family: three numbers that are never one."""

    right: int = 0
    wrong: int = 0
    abstained: int = 0  # of those that have a source
    rightly_none: int = 0


@dataclass
class Row:
    """One measurement."""

    provider: str
    model: str
    privacy: str
    date: str
    prompt_hash: str = ""
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    price: str | None = None
    families: dict[str, dict[str, Any]] = field(default_factory=dict)
    not_measured: list[str] = field(default_factory=list)  # cases, and why


def measure(
    settings: ModelSettings, cases: Iterable[Case], shortlists: Shortlists | None = None
) -> Row:
    """Ask the model for each case; a case that fails is listed with its reason."""
    asking = model_proposer(settings)
    tallies: dict[str, dict[str, Tally]] = defaultdict(lambda: defaultdict(Tally))
    row = Row(settings.provider, settings.model, settings.privacy, f"{datetime.now(UTC):%Y-%m-%d}")
    price: Decimal | None = Decimal(0)
    hashes = hashlib.sha256()
    for case in cases:
        question = _question(case, shortlists)
        if question is None:
            row.not_measured.append(f"{case.name}: large, and no short lists were given")
            continue
        try:
            proposed = asking.propose(question, Workbench(_accept))
        except AuthenticationError:
            raise
        except LumeError as error:
            row.not_measured.append(f"{case.name}: {error.message}")
            continue
        _add(row, proposed)
        spent = proposed.spent.price
        price = None if price is None or spent is None else price + spent
        hashes.update(proposed.prompt_hash.encode())
        if proposed.stopped is not None:
            row.not_measured.append(f"{case.name}: {proposed.stopped}")
            continue
        _count(case, proposed.answers, tallies[case.family])
    row.prompt_hash = hashes.hexdigest()
    row.price = None if price is None else str(price)
    row.families = {
        family: {split: asdict(tally) for split, tally in sorted(found.items())}
        for family, found in tallies.items()
    }
    return row


def _question(case: Case, shortlists: Shortlists | None) -> Question | None:
    fields = tuple(
        SchemaField(
            name=column.name,
            path=column.path,
            type="string",
            description=column.description or None,
            examples=tuple(dict.fromkeys(v for v in column.values if v is not None))[:_EXAMPLES],
        )
        for column in case.target
    )
    columns = tuple(
        SampleColumn(c.path, reference(c.path), "VARCHAR", tuple(c.values)) for c in case.source
    )
    small = len(fields) <= SMALL_FIELDS and len(columns) <= SMALL_COLUMNS
    if not small and shortlists is None:
        return None
    return Question(fields, columns, shortlists(case) if shortlists and not small else {})


def _accept(*_: Any) -> Judged:
    """Only where a field comes from is counted: what is allowed stands."""
    return Judged(ok=True)


def _add(row: Row, proposed: Proposed) -> None:
    row.requests += proposed.spent.requests
    row.input_tokens += proposed.spent.input_tokens
    row.output_tokens += proposed.spent.output_tokens


def _count(case: Case, answers: Iterable[Answer], tallies: dict[str, Tally]) -> None:
    """A field is in the split of its source; one that has none, in that of the first column."""
    sources: dict[str, set[str]] = defaultdict(set)
    for source, target in case.gold.items():
        sources[target].add(source)
    usual = next(iter(case.splits.values()), "dev")
    for answer in answers:
        gold = sources.get(answer.path, set())
        tally = tallies[case.splits[min(gold)] if gold else usual]
        if answer.expression is None:
            tally.abstained += bool(gold)
            tally.rightly_none += not gold
        elif answer.sources and gold.issuperset(answer.sources):
            tally.right += 1
        else:
            tally.wrong += 1


# -- the command ----------------------------------------------------------------------------------


def main(given: Sequence[str]) -> None:
    """Measure the families named, or all, and keep the row."""
    options = _options().parse_args(given)
    try:
        settings = ModelSettings(
            options.provider, options.model, base_url=options.base_url, privacy=options.privacy,
            api_key_env=options.api_key_env, budget=Budget(options.tokens, options.price),
        )  # fmt: skip
        settings.key()
    except (AuthenticationError, InvalidRequestError) as error:
        print(f"mapping with {options.provider}:{options.model}: not measured.\n{error}")
        return
    cases = _cases(options.family)
    if cases is None:
        print(f"mapping with {settings.name}: not measured.\nLUME_BENCH_MAPPING names no folder.")
        return
    row = measure(settings, cases, shortlists_offline)
    print(table([row]))
    if row.families:
        keep(row)


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="benchmarks mapping", description=__doc__)
    options.add_argument("--provider", required=True, help=f"of {', '.join(PROVIDERS)}")
    options.add_argument("--model", required=True)
    options.add_argument("--base-url")
    options.add_argument("--api-key-env", help="the variable that holds the key")
    options.add_argument("--privacy", default="samples", help="the cases are public")
    options.add_argument("--tokens", type=int, default=100_000, help="at most, a case")
    options.add_argument("--price", type=Decimal, help="dollars at most, a case")
    options.add_argument("--family", action="append", help="again for more; all by default")
    return options


def _cases(families: Sequence[str] | None) -> list[Any] | None:
    from benchmarks.mapping.cases import all_cases, data_folder

    folder = data_folder()
    if folder is None:
        return None
    return [case for case in all_cases(folder) if not families or case.family in families]


def shortlists_offline(case: Any) -> dict[str, tuple[Candidate, ...]]:
    """What the offline matcher holds likeliest for each field of a large case."""
    from lume_dagster.mapper.match.core import default_maker, match_columns

    matches = match_columns(case.source, case.target, default_maker())
    return {
        found.field: (
            *([Candidate(found.column, found.probability)] if found.column else []),
            *(Candidate(other.column, other.probability) for other in found.alternatives),
        )
        for found in matches
    }


def keep(row: Row, path: Path = KEPT) -> None:
    """Add a row to those that are kept."""
    rows = [*load(path), asdict(row)]
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def load(path: Path = KEPT) -> list[dict[str, Any]]:
    """The rows kept so far."""
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8")) if path.exists() else []
    return found


def table(rows: Sequence[Row]) -> str:
    """As Markdown, a line for each family and split; ``not measured`` where there is no row."""
    if not rows:
        return "Mapping with a language model: not measured."
    lines = ["| model | privacy | date | prompts | tokens in + out | price | family | right | wrong | abstained |",
             "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for row in rows:
        price = "unknown" if row.price is None else f"${Decimal(row.price):.4f}"
        head = f"{row.provider}:{row.model} | {row.privacy} | {row.date} | {row.prompt_hash[:12]} | {row.input_tokens:,} + {row.output_tokens:,} | {price}"
        for family, splits in row.families.items():
            for split, tally in splits.items():
                counts = f"{tally['right']} | {tally['wrong']} | {tally['abstained']}"
                lines.append(f"| {head} | {family} {split} | {counts} |")
        lines += [f"| {head} | not measured: {why} | | | |" for why in row.not_measured]
    return "\n".join(lines)
