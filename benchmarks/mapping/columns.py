"""How well columns find their fields: per family, dev and test apart, beside other matchers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from time import process_time
from typing import Any

from benchmarks.figures import Goal, NotRun, Result, Table
from benchmarks.mapping.cases import DATA, FAMILIES, TITLES, Case, all_cases, data_folder
from benchmarks.mapping.metrics import Answer, Count
from benchmarks.mapping.ours import answer
from benchmarks.mapping.real_tables import real_tables
from benchmarks.mapping.train import Examples, calibration_without, examples_of, our_cases
from benchmarks.rounds import say
from benchmarks.setting import Setting
from lume_dagster.mapper.match.calibrate import load_calibration
from lume_dagster.mapper.match.column import Column

_PYTHON = Path(__file__).parents[2] / ".servers" / "matchers" / "bin" / "python"
_LOCK = Path(__file__).parents[2] / "requirements" / "matchers.txt"
_A_CASE = 20  # CPU seconds for a baseline on a case
BASELINES = {
    "coma": "Coma (schema)",
    "jaccard": "JaccardDistance",
    "similarity_flooding": "SimilarityFlooding",
    "distribution": "Distribution",
    "infermap": "infermap",
}
_NEED_VALUES = ("jaccard", "distribution")
#: Cut from three tables by one and the same program: to hold one out is to hold out all three.
FABRICATED = ("tpch", "chembl", "opendata")
#: What was asked for of hit@1, hit@5 and F1.
_GOALS = {
    "tpch": {"hit@1": 0.99, "f1": 0.88},
    "chembl": {"hit@1": 0.98, "f1": 0.85},
    "opendata": {"hit@1": 0.98, "f1": 0.82},
    "magellan": {"hit@1": 1.0},
    "mimic": {"hit@1": 0.25, "hit@5": 0.55},
}
_HEADS = (
    "cases", "columns", "hit@1", "hit@5", "mrr", "f1", "right", "wrong", "abstained", "ece", "of chance",
    "sure",
    "sure but wrong",
)  # fmt: skip


def measure(setting: Setting) -> Result:
    """Ours and the baselines on the same cases, counted by the same code."""
    folder = data_folder()
    if folder is None:
        raise NotRun(f"set {DATA} to the folder of the public data")
    try:
        real_tables()
    except FileNotFoundError as missing:
        raise NotRun(str(missing)) from None
    cases = all_cases(folder, setting.sizes.cases)
    began = process_time()
    examples = [examples_of(case) for case in cases]
    seconds = process_time() - began
    say(f"  scored {len(cases)} cases in {seconds:.1f} CPU s")
    shipped = {e.case.name: answer(e, load_calibration()) for e in examples}
    answers = {"ours": shipped, **_held_out(examples, setting.sizes.cases)}
    notes = list(_NOTES)
    for method in BASELINES if setting.sizes.matchers is None else setting.sizes.matchers:
        found, reasons = baseline(method, cases, setting.cache / "matchers")
        answers[BASELINES[method]] = found
        notes += reasons
    counts = _counted(cases, answers)
    return Result(
        title="Columns that find their fields, without a model service",
        rows=[],
        tables=[_table(split, counts) for split in ("test", "dev")],
        goals=_goals(counts),
        notes=[*notes, f"Ours took {seconds / len(cases):.2f} CPU s a case."],
        samples={" ".join(key): [count.figures] for key, count in counts.items()},
    )


_NOTES = (
    "Half of the cases (of MIMIC-OMOP, of the source columns) are dev, by the hash of their names; features, weights "
    "and calibration were made looking at cases of dev only. Figures of test were seen before the last changes began, "
    "and those of OpenData once while weights were chosen.",
    "F1 is of the pairs a matcher stands for: ours at probability 0.5 everywhere, the others as they choose. "
    "Right, wrong and abstained (a pair that is there, and none was proposed) are columns.",
    "The values of infermap's copy of the Valentine data are samples of at most 100 rows.",
    "“ours, held out” is calibrated without the family; “ours, all fabricated held out” without TPC-DI, "
    "ChEMBL and OpenData together, for these three were cut and made noisy by one program. That names are joined from "
    "the beginnings of words, and that typing errors drop marks, was learned from their dev cases, and our own cases "
    "(mapping/fabricated.py) do the same: a program that makes names and values noisy otherwise will be harder.",
    "Beside the public families it is fitted on cases of our own: of invented concepts, of files that were made for their "
    "schema (mapping/whole_files.py, of dev domains), and cut from the real tables of bokeh-sampledata (mapping/real_tables.py).",
    "That names which stand in as many tables belong together, and that declared types count where there are no values, was "
    "learned on dev of MIMIC-OMOP. Sums of test were read once after that, and words of other languages were added since.",
    "A schema's fields have a few examples or none: for the baselines they are filled up with nulls.",
    "“sure” are pairs of a probability from 0.9, as a share of the columns that have a partner; and the share of "
    "them that is wrong. Baselines are run on the test cases alone, each case in a process of its own that is ended after "
    f"{_A_CASE} CPU seconds, however busy the machine is; one that did not end on some is counted on the others: see the cases.",
    "“product-like” are cases of our own (mapping/product.py), 22 domains of which 11 are dev and 11 test: nothing "
    "was fitted on a field of test. Their words and the mapper's knowledge were written by the same hand: expect less "
    "of headers that nobody thought of.",
    "“as brought” are files as people bring them (mapping/brought.py), exports of well-known programs, forms in nine languages and "
    "public tables: knowledge and rules were mended looking at dev; test is by the same hand, of it "
    "sums were read, and two fields that were sure and wrong. “Held out” is fitted on nothing of either half.",
    "“of chance” is the calibration error that probabilities which are exactly right would have on as few pairs, in the "
    "mean of 200 draws: where a family is small, some of the error is the luck of the draw.",
    "With a model service: not measured.",
)


def _held_out(examples: Sequence[Examples], most: int | None) -> dict[str, dict[str, Answer]]:
    made = [*examples, *(examples_of(case) for case in our_cases(most))]
    alone: dict[str, Answer] = {}
    for family in FAMILIES:
        calibration = calibration_without((family,), made)
        alone |= {e.case.name: answer(e, calibration) for e in examples if e.case.family == family}
    calibration = calibration_without(FABRICATED, made)
    together = {
        e.case.name: answer(e, calibration) for e in examples if e.case.family in FABRICATED
    }
    return {"ours, held out": alone, "ours, all fabricated held out": together}


# -- baselines ------------------------------------------------------------------------------------


def baseline(method: str, cases: Sequence[Case], kept: Path) -> tuple[dict[str, Answer], list[str]]:
    """Its answers, and why there are none where there are none."""
    found: dict[str, Answer] = {}
    reasons: list[str] = []
    if not _PYTHON.exists():
        return {}, [f"{BASELINES[method]}: not run: its environment is not there (make servers)."]
    for family in FAMILIES:
        ours = [c for c in cases if c.family == family and "test" in c.splits.values()]
        if not ours:
            continue
        if family == "product":
            reasons.append(
                f"{BASELINES[method]} on {TITLES[family]}: not run on {len(ours)} cases."
            )
            continue
        if family == "mimic" and method in _NEED_VALUES:
            reasons.append(f"{BASELINES[method]} on {TITLES[family]}: not run: it needs values.")
            continue
        say(f"  {method} on {family}")
        given, failed = _run(method, ours, kept)
        found |= given
        if failed:
            reasons.append(f"{BASELINES[method]} on {TITLES[family]}: {failed}.")
    return found, reasons


def _run(method: str, cases: Sequence[Case], kept: Path) -> tuple[dict[str, Answer], str]:
    """What it printed is kept, for it depends on nothing but its script, versions and cases.

    Each case is bounded (``baseline.py``), so all of them together are.
    """
    lines = "".join(json.dumps(written(case)) + "\n" for case in cases)
    script = Path(__file__).with_name("baseline.py")
    parts = (method, lines, script.read_text(encoding="utf-8"), _LOCK.read_text(encoding="utf-8"))
    printed = kept / f"{method}-{sha256(repr(parts).encode()).hexdigest()[:16]}.jsonl"
    if printed.exists():
        return _answers(printed.read_text(encoding="utf-8"), cases)
    program = [str(_PYTHON), str(script), method, str(_A_CASE)]
    done = subprocess.run(program, input=lines.encode(), capture_output=True, check=False)
    if done.returncode:
        return {}, f"not run: it fails with {done.stderr.decode().strip().splitlines()[-1][:200]}"
    kept.mkdir(parents=True, exist_ok=True)
    printed.write_bytes(done.stdout)
    return _answers(done.stdout.decode(), cases)


def _answers(printed: str, cases: Sequence[Case]) -> tuple[dict[str, Answer], str]:
    """Of the cases it came to an end with, and on how many it did not, or failed."""
    given = [json.loads(line) for line in printed.splitlines()]
    found = dict(_read(each) for each in given if "scores" in each)
    stopped = sum("stopped" in each for each in given)
    failures = [each["failed"] for each in given if "failed" in each]
    said = [
        *([f"did not end within {_A_CASE} CPU seconds on {stopped}"] if stopped else []),
        *([f"fails on {len(failures)} ({failures[0]})"] if failures else []),
    ]
    return found, f"{' and '.join(said)} of {len(cases)} cases" if said else ""


def written(case: Case) -> dict[str, object]:
    """A case as a baseline reads it."""
    sides = {"source": case.source, "target": case.target}
    return {"name": case.name, **{side: _filled_up(columns) for side, columns in sides.items()}}


def _filled_up(columns: Sequence[Column]) -> list[list[object]]:
    """A schema's fields have examples or none: where they end the table of a baseline has nulls."""
    rows = max(len(column.values) for column in columns)
    return [[c.path, [*c.values, *([None] * (rows - len(c.values)))]] for c in columns]


def _read(given: Mapping[str, Any]) -> tuple[str, Answer]:
    ranked: dict[str, list[tuple[float, str]]] = {}
    for source, target, score in given["scores"]:
        ranked.setdefault(source, []).append((-score, target))
    return given["name"], Answer(
        ranked={
            source: [target for _, target in sorted(pairs)] for source, pairs in ranked.items()
        },
        chosen=frozenset((source, target) for source, target in given["chosen"]),
    )


# -- the report -----------------------------------------------------------------------------------

_Counts = Mapping[tuple[str, str, str], Count]


def _counted(cases: Sequence[Case], answers: Mapping[str, Mapping[str, Answer]]) -> _Counts:
    counts: dict[tuple[str, str, str], Count] = {}
    for family in FAMILIES:
        for who, given in answers.items():
            for case in cases:
                if case.family != family or case.name not in given:
                    continue
                for split in ("dev", "test"):
                    counts.setdefault((family, who, split), Count()).add(
                        case, given[case.name], split
                    )
    return counts


def _table(split: str, counts: _Counts) -> Table:
    rows = [
        (f"{TITLES[family]}: {who}", *(_shown(count.figures.get(head)) for head in _HEADS))
        for (family, who, where), count in counts.items()
        if where == split and count.cases
    ]
    return Table(split, ("", *_HEADS), rows)


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _goals(counts: _Counts) -> list[Goal]:
    goals = [
        Goal(
            f"{TITLES[family]}, test: {what} at least {least}", float(reached), least, at_least=True
        )
        for family, wanted in _GOALS.items()
        for what, least in wanted.items()
        if (reached := counts[family, "ours", "test"].figures[what]) is not None
    ]
    return [*goals, *(goal for family in FAMILIES for goal in _held_out_goals(family, counts))]


def _held_out_goals(family: str, counts: _Counts) -> list[Goal]:
    """With a family that is fabricated, the two others are held out too."""
    whose = "ours, all fabricated held out" if family in FABRICATED else "ours, held out"
    figures = counts[family, whose, "test"].figures
    error = f"{TITLES[family]} held out, test: calibration error at most 0.06"
    goals = [Goal(error, float(figures["ece"]), 0.06)]
    if (least := _GOALS.get(family, {}).get("f1")) is not None:
        said = f"{TITLES[family]} held out, test: f1 at least {least}"
        goals.append(Goal(said, float(figures["f1"]), least, at_least=True))
    return goals
