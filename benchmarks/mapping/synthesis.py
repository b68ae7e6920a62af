"""Transformations by example: solved, wrong, abstained; seconds; whether the engine agrees.

    python -m benchmarks.mapping.synthesis [--examples 3]

The gold tasks stand beside this file. The public ones (239 tasks of "Transform Data by Example",
tab-separated, the inputs, an empty column, the output) are read from the folder ``tde-dev`` of the
folder that the environment variable LUME_BENCH_MAPPING names; without it they are not measured.
A task is solved when every held-out row is right. A first program with doubts is an abstention.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lume_dagster.errors import FlowError
from lume_dagster.mapper.synthesis import Example, Program, learn

GOLD = Path(__file__).with_name("synthesis_gold.txt")
VARIABLE = "LUME_BENCH_MAPPING"
MOST_HELD_OUT = 200
OUTCOMES = ("solved", "wrong", "abstained")
Inputs = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """Rows of inputs and output, in the order of their file."""

    name: str
    family: str
    rows: tuple[tuple[Inputs, str], ...]

    @property
    def part(self) -> str:
        """Development or test, by a hash of the name that nobody chose."""
        return "test" if hashlib.sha256(self.name.encode()).digest()[0] % 2 else "dev"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names for the inputs."""
        return tuple(f"c{i}" for i in range(len(self.rows[0][0])))


@dataclass(frozen=True, slots=True)
class Solved:
    """What became of one task."""

    task: Task
    outcome: str
    seconds: float
    program: Program | None
    cells: float  # of the held-out ones, right
    doubted_but_right: bool = False


def gold_tasks() -> list[Task]:
    """Ours."""
    blocks = GOLD.read_text(encoding="utf-8").split("\n# ")
    return [_gold(block) for block in blocks if ": " in block.split("\n")[0] and " => " in block]


def _gold(block: str) -> Task:
    head, *lines = block.strip().split("\n")
    family, _, name = head.partition(": ")
    rows = [line.split(" => ") for line in lines if " => " in line]
    return Task(name, family, tuple((tuple(i.split(" | ")), o) for i, o in rows))


def public_tasks() -> list[Task]:
    """The public ones, where they are."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        return []
    return [_public(path) for path in sorted(Path(folder, "tde-dev").glob("*/*.txt"))]


def _public(path: Path) -> Task:
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    rows = []
    for line in text.splitlines():
        *inputs, _, output = [*line.split("\t"), "", ""][: max(3, line.count("\t") + 1)]
        if not line.startswith("//") and line.count("\t") > 1:
            rows.append((tuple(inputs), output.rstrip()))
    return Task(path.name, path.parent.name.removeprefix("benchmark-"), tuple(dict.fromkeys(rows)))


def solve(task: Task, k: int) -> Solved:
    """Learn from the first rows, judge on the others."""
    columns = task.columns
    examples = [Example(dict(zip(columns, i, strict=True)), o) for i, o in task.rows[:k]]
    held = task.rows[k:][:MOST_HELD_OUT]
    inputs = {c: [i[at] if at < len(i) else None for i, _ in held] for at, c in enumerate(columns)}
    start = time.process_time()
    try:
        found = learn(examples, inputs)
    except FlowError:
        found = ()
    seconds = time.process_time() - start
    if not found:
        return Solved(task, "abstained", seconds, None, 0.0)
    best = found[0]
    right = [
        (best.apply(dict(zip(columns, i, strict=False))) or "").strip() == o.strip()
        for i, o in held
    ]
    share = sum(right) / len(right)
    if not best.certain:
        return Solved(task, "abstained", seconds, best, share, doubted_but_right=all(right))
    return Solved(task, "solved" if all(right) else "wrong", seconds, best, share)


def solve_all(tasks: Sequence[Task], k: int) -> list[Solved]:
    """Those that have more rows than examples."""
    return [solve(task, k) for task in tasks if len(task.rows) > k]


# -- does the engine say the same ------------------------------------------------------------------


def disagreements(
    results: Sequence[Solved],
) -> Iterator[tuple[Task, Inputs, str | None, str | None]]:
    """Rows for which the plan and the engine give something else than the interpreter."""
    from lume_dagster_tests.mapper.synthesis.trees import by_engine, by_reference

    for result in results:
        if result.program is None:
            continue
        names = result.task.columns
        rows = [list(i)[: len(names)] for i, _ in result.task.rows[:MOST_HELD_OUT]]
        full = [row + [None] * (len(names) - len(row)) for row in rows]
        ours = by_reference(result.program, full, names)
        for row, a, b in zip(full, ours, by_engine(result.program, full, names), strict=True):
            if a != b:
                yield result.task, tuple(map(str, row)), a, b


# -- the report -----------------------------------------------------------------------------------


def table(title: str, groups: dict[str, list[Solved]]) -> Iterator[str]:
    """Markdown: shares of the three outcomes, and times."""
    yield f"| {title} | tasks | solved | wrong | abstained (right all the same) | cells right | CPU p50 s | p95 s |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, results in groups.items():
        if results:
            yield f"| {name} | {_figures(results)} |"


def _figures(results: Sequence[Solved]) -> str:
    n = len(results)
    count = Counter(r.outcome for r in results)
    doubted = sum(r.doubted_but_right for r in results)
    times = sorted(r.seconds for r in results)
    shares = " | ".join(f"{count[o] / n:.3f}" for o in OUTCOMES)
    cells = sum(r.cells for r in results) / n
    middle, late = times[n // 2], times[min(n - 1, int(n * 0.95))]
    return f"{n} | {shares} ({doubted / n:.3f}) | {cells:.3f} | {middle:.2f} | {late:.2f}"


def grouped(results: Sequence[Solved]) -> dict[str, list[Solved]]:
    """All, by part, and by family."""
    groups: dict[str, list[Solved]] = {"all": list(results)}
    for result in results:
        groups.setdefault(result.task.part, []).append(result)
    for result in sorted(results, key=lambda r: r.task.family):
        groups.setdefault(result.task.family, []).append(result)
    return groups


def measure(ks: Sequence[int]) -> Iterator[str]:
    """Everything, line by line."""
    public = public_tasks()
    for title, tasks in (("gold", gold_tasks()), ("public", public)):
        if not tasks:
            yield f"{title}: not measured ({VARIABLE} is not set)"
        for k in ks if tasks else ():
            results = solve_all(tasks, k)
            yield from table(f"{title}, k = {k}", grouped(results))
            differing = list(disagreements(results))
            yield f"engine differs from the interpreter on {len(differing)} rows"
            yield from (f"- {t.name} {row}: {a!r} / {b!r}" for t, row, a, b in differing)
            yield ""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, nargs="*", default=[1, 2, 3, 5])
    for line in measure(parser.parse_args().examples):
        print(line)


if __name__ == "__main__":
    main()
