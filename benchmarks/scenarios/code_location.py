"""Loading a code location that holds a thousand flow versions."""

from __future__ import annotations

import statistics

from benchmarks.figures import Goal, Result, Row, plain_row
from benchmarks.rounds import Contender, take_turns
from benchmarks.setting import SEEDS, Setting, ours


def measure(setting: Setting) -> Result:
    """A hundred flows of 24 fields, ten versions each."""
    flows, versions = setting.sizes.flows, setting.sizes.versions
    project = setting.project("thousand", flows=str(flows), versions=str(versions))
    name = f"{flows * versions:,} versions"
    loading = Contender(name, lambda _: [*ours("location"), "--project", str(project)])
    samples = take_turns([loading], setting.rounds, setting.work)
    assets = {s.outcome["mapped"] for s in samples[name]}
    wanted = flows * (versions * 3 + len(list(SEEDS.glob("*.csv"))))
    if assets != {wanted}:
        raise AssertionError(f"{assets} assets instead of {wanted:,}")
    seconds = [s.outcome["seconds"] for s in samples[name]]
    load = round(statistics.median(s["load"] for s in seconds), 2)
    imports = round(statistics.median(s["import dagster"] for s in seconds), 2)
    return Result(
        title=f"Load a code location of {flows} flows with {versions} versions each, and an arrival sensor",
        rows=[
            plain_row(samples, name, "the whole process"),
            Row("importing Dagster", imports),
            Row(
                "verifying, building, the asset graph",
                load,
                note=f"{wanted:,} assets, those of seeds among them",
            ),
        ],
        goals=[Goal("under 6 s, with importing Dagster", round(load + imports, 2), 6)],
        notes=["What the whole process takes beyond these is mostly its end, when all of it goes."],
        samples=samples,
    )
