"""How long matching takes, in CPU seconds: the first match of a process, and later ones of two sizes.

``python -m benchmarks.mapping.speed 50`` matches 50 columns with 50 fields, and prints what it took.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from itertools import islice
from random import Random
from statistics import median
from time import process_time
from typing import TYPE_CHECKING

from benchmarks.figures import Goal, Result, plain_row
from benchmarks.rounds import Contender, Samples, take_turns
from benchmarks.setting import Setting

if TYPE_CHECKING:
    from lume_dagster.mapper.match.column import Column

_ROWS, _TIMES = 100, 3
#: What is matched, and how many columns and fields there are.
_SIZES = {"first match of a process, 10 x 10": 10, "50 x 50": 50, "200 x 200": 200}
_MB = 250


def measure(setting: Setting) -> Result:
    """Each size in processes of its own, in turns."""
    contenders = [_contender(name, size) for name, size in _SIZES.items()]
    samples = take_turns(contenders, setting.at_least(5), setting.work)
    cold, small, large = _SIZES
    return Result(
        title="Matching columns: seconds and memory",
        rows=[plain_row(samples, name) for name in _SIZES],
        goals=[
            Goal(f"{small} within 0.3 CPU s, warm", _warm(samples, small), 0.3),
            Goal(f"{large} within 3 CPU s, warm", _warm(samples, large), 3),
            Goal(f"{cold}, with start and imports, within 1.5 CPU s", _cold(samples, cold), 1.5),
            Goal("MB of memory", max(s.rss_mb for s in samples[large]), _MB),
        ],
        notes=[
            f"Rows are whole processes: start, imports, tables, and for the larger sizes {_TIMES} matches after the first.",
            f"Warm is the median of these, and goals are of CPU seconds, for other work on the machine makes wall time longer. A column has {_ROWS} values; a field a description and two examples.",
        ],
        samples=samples,
    )


def _contender(name: str, size: int) -> Contender:
    return Contender(name, lambda _: [sys.executable, "-m", "benchmarks.mapping.speed", str(size)])


def _warm(samples: Samples, name: str) -> float:
    return round(median(sample.outcome["warm"] for sample in samples[name]), 3)


def _cold(samples: Samples, name: str) -> float:
    return round(median(sample.cpu for sample in samples[name]), 3)


def main() -> None:
    """Match once, then some times more, and print the middle one of these."""
    from lume_dagster.mapper.match.core import default_maker, match_columns

    size = int(sys.argv[1])
    source, target = _columns(size)
    maker = default_maker()
    match_columns(source, target, maker)
    took = []
    for _ in range(_TIMES if size > min(_SIZES.values()) else 0):
        begun = process_time()
        match_columns(source, target, maker)
        took.append(process_time() - begun)
    print(json.dumps({"warm": round(median(took), 4) if took else None}))


def _columns(size: int) -> tuple[Sequence[Column], Sequence[Column]]:
    """As many different things, a file of them and a schema."""
    from benchmarks.mapping.generated import concepts
    from benchmarks.mapping.generated_values import values_of
    from lume_dagster.mapper.match.column import Column

    chance = Random(f"speed-{size}")
    every = [concept for domain in concepts().values() for concept in domain]
    drawn = list(islice((c for _ in range(size) for c in every), size))
    source = [
        Column(
            path=f"{c.others[0]} {n}",
            name=f"{c.others[0]} {n}",
            values=values_of(c, chance, _ROWS, ours=False),
        )
        for n, c in enumerate(drawn)
    ]
    target = [
        Column(
            path=f"{c.name}_{n}",
            name=f"{c.name}_{n}",
            description=c.description,
            type=c.type,
            values=values_of(c, chance, 2, ours=True),
        )
        for n, c in enumerate(drawn)
    ]
    return source, target


if __name__ == "__main__":
    main()
