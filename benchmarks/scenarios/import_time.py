"""What ``import lume_dagster`` adds to a bare interpreter."""

from __future__ import annotations

import sys

from benchmarks.figures import Goal, Result, plain_row
from benchmarks.rounds import Contender, Samples, take_turns
from benchmarks.setting import Setting

_CASES = {
    "python": "pass",
    "import lume_dagster": "import lume_dagster",
    "lume_dagster.build_definitions": "import lume_dagster; lume_dagster.build_definitions",
    "import dagster": "import dagster",
}


def measure(setting: Setting) -> Result:
    """Many short processes, in turns."""
    contenders = [_bare(name, code) for name, code in _CASES.items()]
    samples = take_turns(contenders, setting.at_least(15), setting.work)
    added = round((_least(samples, "import lume_dagster") - _least(samples, "python")) * 1000, 1)
    return Result(
        title="Import time",
        rows=[plain_row(samples, name) for name in _CASES],
        goals=[Goal("import lume_dagster adds under 60 ms", added, 60)],
        notes=[
            "The added time is the difference of the fastest rounds; a busy machine only ever adds."
        ],
        samples=samples,
    )


def _bare(name: str, code: str) -> Contender:
    return Contender(name, lambda _: [sys.executable, "-c", code])


def _least(samples: Samples, name: str) -> float:
    return min(s.wall for s in samples[name])
