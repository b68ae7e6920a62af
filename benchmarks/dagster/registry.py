"""What the component registry costs beyond Dagster: each process of a dg project imports it."""

from __future__ import annotations

import sys

from benchmarks.figures import Goal, Result, plain_row
from benchmarks.rounds import Contender, take_turns
from benchmarks.setting import Setting

_BARE, _OURS = "import dagster.components", "the same, and all names of lume_dagster"
# The import of Dagster leaves a full pass of Python's collector due, 5,000 objects later: whoever is
# imported next would pay for it. Both pay for it here.
_FIRST = "import gc, dagster.components; gc.collect()"
_CASES = {
    _BARE: _FIRST,
    # Dagster goes through all names of a registry module to find the components among them.
    _OURS: f"{_FIRST}; import lume_dagster as l; [getattr(l, n) for n in dir(l)]",
}


def measure(setting: Setting) -> Result:
    """Many short processes, in turns."""
    contenders = [Contender(n, lambda _, c=c: [sys.executable, "-c", c]) for n, c in _CASES.items()]
    samples = take_turns(contenders, setting.at_least(7), setting.work)
    least = {name: min(s.cpu for s in samples[name]) for name in _CASES}
    added = round((least[_OURS] - least[_BARE]) * 1000, 1)
    return Result(
        title="Import the component registry",
        rows=[plain_row(samples, name) for name in _CASES],
        goals=[Goal("under 60 ms of CPU beyond Dagster", added, 60)],
        notes=[
            "The added time is the difference of the least CPU times; a busy machine only adds.",
            "Both begin with a full pass of Python's collector (some 70 ms), which the import of"
            " Dagster leaves due after 5,000 more objects, whoever makes them.",
        ],
        samples=samples,
    )
