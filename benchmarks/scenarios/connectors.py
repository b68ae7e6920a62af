"""Read into staging and write from staging, a million rows of twenty columns, for each system."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.connector_frame import AGAIN, NOTHING, OURS, System, system, systems, ways
from benchmarks.connector_peers import TOOLS, environment
from benchmarks.figures import Goal, Result, Row
from benchmarks.process import Sample, run
from benchmarks.rounds import Contender, Ratio, Samples, median, say, take_turns
from benchmarks.setting import Setting, python

_PANDAS = "pandas"
#: A double's server is the brake: what is the client's own is its CPU.
_OWN_CPU = "three times as sparing with the client's CPU"
_TITLES = {
    "read": "Read {:,} rows x 20 columns from {} into staging",
    "write": "Write {:,} rows x 20 columns from staging to {}",
}


@dataclass(frozen=True, slots=True)
class _Job:
    """One direction of one system, at a place."""

    kind: str
    direction: str
    place: str
    batch: Path

    def command(self, name: str, out: Path | str) -> list[str]:
        """The command that does it one way."""
        frame = python("benchmarks.connector_frame")
        return [*frame, self.kind, self.direction, name, self.place, str(self.batch), str(out)]

    def contender(self, name: str) -> Contender:
        """A way; what was written before is taken away first, and where it must be, written."""

        def prepared(work: Path) -> Sequence[str]:
            if self.direction == "write":
                run(self.command("prepare", "-"))
            if name == AGAIN:
                run(self.command(OURS, work))
            return self.command(name, work)

        return Contender(name, prepared)

    def peer(self, tool: str, program: Sequence[str]) -> Contender:
        """Another tool's way, by its own Python."""

        def prepared(work: Path) -> Sequence[str]:
            if self.direction == "write":
                run(self.command("prepare", "-"))
            return [*program, tool, self.direction, self.place, str(self.batch), str(work)]

        return Contender(tool, prepared)


def scenarios() -> dict[str, partial[Result]]:
    """A scenario for each system and direction: ``connectors.postgres.read``."""
    return {
        f"connectors.{kind}.{direction}": partial(_measure, kind, direction)
        for kind in sorted(systems())
        for direction in _TITLES
    }


def _measure(kind: str, direction: str, setting: Setting) -> Result:
    of = system(kind)
    rows = min(setting.rows, of.most_rows)
    batch = setting.cache / f"connectors-{rows}.parquet"
    if not batch.exists():
        made = [kind, "batch", str(rows), "-", str(batch), "-"]
        run([*python("benchmarks.connector_frame"), *made])
    with of.reached(setting.servers.get(kind)) as place:
        job = _Job(kind, direction, place, batch)
        if direction == "read":
            run(job.command("prepare", "-"))
        contenders = [job.contender(name) for name in ways(kind, direction)]
        samples = take_turns(contenders, setting.rounds, setting.work)
        peers, notes = _peers(of, job, setting)
    return _result(of, direction, samples | peers, rows, notes)


def _peers(of: System, job: _Job, setting: Setting) -> tuple[Samples, list[str]]:
    """What dlt and sling take; one that cannot do the job here is a note that says so."""
    samples: Samples = {}
    notes: list[str] = []
    if not setting.sizes.peers:
        return {}, []
    program = environment(setting.cache) if of.peers else []
    if of.peers and not program:
        return {}, [f"NOT MEASURED: {', '.join(of.peers)}: they cannot be installed here."]
    for tool in of.peers:
        try:
            samples |= take_turns([job.peer(tool, program)], setting.rounds, setting.work)
        except RuntimeError as reason:
            say(f"  {tool}: {reason}")
            notes.append(f"NOT MEASURED: {tool}, which could not do this where it was tried.")
    return samples, notes


def _result(of: System, direction: str, samples: Samples, rows: int, more: Sequence[str]) -> Result:
    bare = next(iter(of.read if direction == "read" else of.write))
    wrong = {n: s[0].outcome for n, s in samples.items() if not _is_whole(n, s[0], rows)}
    if wrong:
        raise AssertionError(f"Not all rows, {rows:,}, went there: {wrong}")
    goals = [
        Goal("at least 0.8 of the bare client's rate", _pace(samples, OURS, bare).median, 1.25)
    ]
    pandas = [name for name in samples if name.startswith(_PANDAS)]
    goals += [
        Goal(f"three times as fast as {name}", _pace(samples, OURS, name).median, 0.33)
        for name in pandas
    ]
    floors = _floors(samples, bare, pandas) if of.is_double else []
    if of.is_double:
        goals += [
            Goal(f"{_OWN_CPU} as {name}", _pace(samples, OURS, name, _cpu).median, 0.33)
            for name in pandas
        ]
    if NOTHING in samples:
        over = median(samples, OURS, "rss_mb") - median(samples, NOTHING, "rss_mb")
        goals.append(Goal("MB of memory above a batch without a row", round(over), 256))
    return Result(
        title=_TITLES[direction].format(rows, of.title),
        rows=[
            *(
                _row(samples, name, bare, shows_server=of.is_double)
                for name in samples
                if name != NOTHING
            ),
            *floors,
        ],
        goals=goals,
        notes=[
            "Seconds are those of the work in the client, without start and imports.",
            *of.notes,
            *more,
        ],
        samples=samples,
    )


def _floors(samples: Samples, bare: str, pandas: Sequence[str]) -> list[Row]:
    """What the bare client takes of pandas' time: no client is quicker against this server."""
    return [
        Row(
            f"the floor: the bare client, over {name}",
            ratio=_pace(samples, bare, name),
            cpu_ratio=_pace(samples, bare, name, _cpu),
            note="what the double's server leaves to any client",
        )
        for name in pandas
    ]


def _seconds(sample: Sample) -> float:
    return sample.inside


def _cpu(sample: Sample) -> float:
    """CPU seconds of the client, without start and imports."""
    return int(sample.outcome["cpu_us"]) / 1_000_000


def _rows(sample: Sample) -> int:
    return int(sample.outcome["mapped"])


def _is_whole(name: str, sample: Sample, rows: int) -> bool:
    """Whether all rows were done; what goes by rows may do fewer, and none is none."""
    done = int(sample.outcome["mapped"])
    fewer = name.startswith(_PANDAS) or name in TOOLS
    return done == (0 if name == NOTHING else rows) or (fewer and done > 0)


def _pace(
    samples: Samples, name: str, to: str, taken: Callable[[Sample], float] = _seconds
) -> Ratio:
    """Seconds a row over the other's, within each round."""
    pairs = zip(samples[name], samples[to], strict=True)
    each = [taken(a) / _rows(a) / (taken(b) / _rows(b)) for a, b in pairs]
    return Ratio(round(statistics.median(each), 2), round(min(each), 2), round(max(each), 2))


def _row(samples: Samples, name: str, bare: str, *, shows_server: bool = False) -> Row:
    done = int(samples[name][0].outcome["mapped"])
    whole = max(int(s[0].outcome["mapped"]) for s in samples.values())
    notes = ["the reference"] * (name == bare) + [f"{done:,} rows"] * (done < whole)
    if shows_server:
        notes.append(f"server {median(samples, name, 'beside')} CPU s")
    note = ", ".join(notes)
    seconds, rss_mb = median(samples, name, "inside"), median(samples, name, "rss_mb")
    row = Row(name, wall=seconds, rss_mb=rss_mb, ratio=_pace(samples, name, bare), note=note)
    if "cpu_us" not in samples[name][0].outcome:
        return row
    cpu = round(statistics.median(map(_cpu, samples[name])), 3)
    return replace(row, cpu=cpu, cpu_ratio=_pace(samples, name, bare, _cpu))
