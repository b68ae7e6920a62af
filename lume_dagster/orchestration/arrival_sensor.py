"""One sensor for the arrivals of a whole code location: new batches become partitions and runs."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import dagster as dg

from lume_dagster.errors import BatchError, FlowError, InvalidRequestError, LumeError, did_you_mean
from lume_dagster.flows.library import Library
from lume_dagster.flows.model import FlowVersion
from lume_dagster.orchestration import names
from lume_dagster.orchestration.arrival import Arrival, Arrived, arrived
from lume_dagster.orchestration.arrival_cursor import Cursor, Memory, digest, load_cursor
from lume_dagster.orchestration.delivered import Delivered, delivered_before
from lume_dagster.orchestration.naming import BatchNames
from lume_dagster.orchestration.translator import Placed

_ACTIVE = [s for s in dg.DagsterRunStatus if s.value not in ("SUCCESS", "FAILURE", "CANCELED")]
_BUDGET = 45.0  # seconds; Dagster ends a tick after sixty
_MOST_DESCRIBED = 10
#: Batches that a tick finds delivered already before it leaves the rest to the next one.
_MOST_PASSED, _ASKED_AT_ONCE = 5_000, 500


@dataclass(frozen=True, slots=True)
class Watch:
    """What a sensor watches, and for which versions it can start runs."""

    arrivals: tuple[Arrival, ...]
    versions: Mapping[str, Placed]  # by name:vN
    library: Library
    budget: float = _BUDGET

    def version(self, arrival: Arrival) -> Placed:
        """The version that runs what arrives now.

        Raises:
            InvalidRequestError: it was activated after the code location was loaded, or is none.
        """
        flow, _, which = arrival.flow.partition(":")
        number = self.library.active(flow) if which in ("", "active") else which.removeprefix("v")
        found = self.versions.get(f"{flow}:v{number}")
        if found is None:
            raise InvalidRequestError(
                f"{arrival.flow} now means version {number}, which is not in this code location.",
                hint="reload the code location.",
            )
        return found


@dataclass(slots=True)
class _Tick:
    """What one tick has found so far."""

    cursor: Cursor
    partitions: dict[str, list[str]] = field(default_factory=dict)
    runs: list[dg.RunRequest] = field(default_factory=list)
    observations: list[dg.AssetObservation] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


def arrival_sensor(
    watch: Watch, name: str, *, interval_seconds: int = 30, running: bool = False
) -> dg.SensorDefinition:
    """The sensor ``<name>_arrivals``; ``running`` starts it without a person switching it on.

    Raises:
        FlowError: an arrival names a flow that is not there.
    """
    watched = [v for a in watch.arrivals for v in _versions_of(watch, a)]
    keys = {key for placed in watched for key in placed.keys}

    @dg.sensor(
        name=f"{name}_arrivals",
        description=_description(watch.arrivals),
        asset_selection=dg.AssetSelection.assets(*sorted(keys)),
        required_resource_keys={
            k for v in watched for k in v.resources_of(v.version.flow.source.connector)
        },
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING
        if running
        else dg.DefaultSensorStatus.STOPPED,
    )
    def arrivals(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return look(watch, context)

    return arrivals


def look(watch: Watch, context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """One tick: go through the arrivals, beginning where the last tick ran out of time."""
    tick = _Tick(load_cursor(context.cursor))
    deadline = time.monotonic() + watch.budget
    count = len(watch.arrivals)
    start = tick.cursor.turn % count
    turn = start
    for step in range(count):
        if step and time.monotonic() > deadline:
            tick.words.append(f"{count - step} of {count} places have to wait for the next tick.")
            break
        _look_at(watch, watch.arrivals[turn], context, tick)
        turn = (turn + 1) % count
    known = {a.name for a in watch.arrivals}
    memories = {name: m for name, m in tick.cursor.memories.items() if name in known}
    return dg.SensorResult(
        run_requests=tick.runs,
        skip_reason=None if tick.runs else " ".join(tick.words) or "No new batch.",
        dynamic_partitions_requests=[
            dg.AddDynamicPartitionsRequest(name, keys) for name, keys in tick.partitions.items()
        ],
        asset_events=tick.observations,
        cursor=Cursor(memories, turn).dump(),
    )


def _look_at(
    watch: Watch, arrival: Arrival, context: dg.SensorEvaluationContext, tick: _Tick
) -> None:
    """What is new at one place; a place that cannot be looked at does not stop the others."""
    memory = tick.cursor.of(arrival.name)
    try:
        placed = watch.version(arrival)
        source = placed.connector(context.resources, placed.version.flow.source.connector)
        found = _there(source, arrival, tick)
    except LumeError as error:
        _report(watch, arrival, error, memory, tick)
        context.log.warning("%s: %s", arrival.name, error)
        return
    room = min(arrival.at_most, arrival.backlog - _waiting(context.instance, placed.version))
    name_of = cache(BatchNames(context.instance, placed, source, watch.library, many=True).of)
    done = delivered_before(context.instance, placed, name_of) if arrival.path else _none
    settle, room = _settles(arrival), max(room, 0)
    chosen, memory = choose(found, memory, settle=settle, room=room, delivered=done)
    tick.cursor = tick.cursor.remember(arrival.name, replace(memory, trouble=""))
    for batch in chosen:
        try:
            name = name_of(batch.source_path)
            if name != batch.source_path:
                context.log.info("%s is known as the batch %s.", batch.source_path, name)
            _request(placed, replace(batch, source_path=name), batch, tick)
        except (BatchError, InvalidRequestError) as error:
            _observe(placed, arrival, error, tick)
            context.log.warning("%s: %s", arrival.name, error)


def _none(_: Sequence[Arrived]) -> Collection[Arrived]:
    return ()


def choose(
    found: Sequence[Arrived],
    memory: Memory,
    *,
    settle: bool,
    room: int,
    delivered: Delivered = _none,
) -> tuple[list[Arrived], Memory]:
    """The batches to run now, at most ``room``, and what to remember for the next tick.

    ``delivered`` says which of some batches need no run: a backfill may have been faster.
    """
    now = {digest(batch): batch for batch in found}
    fresh = [d for d in now if d not in memory.seen]
    ready = [d for d in fresh if d in memory.settling] if settle else fresh
    taken: list[str] = []
    passed: set[str] = set()
    for start in range(0, len(ready), _ASKED_AT_ONCE):
        if len(taken) >= room or len(passed) >= _MOST_PASSED:
            break
        group = ready[start : start + _ASKED_AT_ONCE]
        done = frozenset(delivered([now[d] for d in group]))
        passed |= {d for d in group if now[d] in done}
        taken += [d for d in group if now[d] not in done][: room - len(taken)]
    seen = (memory.seen & now.keys()) | passed | set(taken)
    settling = frozenset(fresh) - seen if settle else frozenset()
    return [now[d] for d in taken], replace(memory, seen=frozenset(seen), settling=settling)


def _there(connector: object, arrival: Arrival, tick: _Tick) -> Sequence[Arrived]:
    try:
        return arrived(connector, arrival)
    except BatchError as error:  # an empty folder, a glob without a match: nothing has come yet
        tick.words.append(f"{arrival.flow}: {error.message}")
        return ()


def _settles(arrival: Arrival) -> bool:
    return arrival.settle and arrival.path is not None


def _waiting(instance: dg.DagsterInstance, version: FlowVersion) -> int:
    """The runs of the flow that are not over."""
    tags = {names.TAG_FLOW: version.flow.flow}
    return instance.get_runs_count(dg.RunsFilter(statuses=_ACTIVE, tags=tags))


def _request(placed: Placed, batch: Arrived, arrived: Arrived, tick: _Tick) -> None:
    """Ask for a run of the batch, by the name it has in Dagster."""
    version = placed.version
    if placed.partitions is not None:
        tick.partitions.setdefault(placed.partitions, []).append(batch.source_path)
    tick.runs.append(
        dg.RunRequest(
            run_key=f"{version.name} {arrived.source_path} {arrived.version}",
            partition_key=batch.source_path,
            asset_selection=placed.keys,
            tags=names.run_tags(version, batch.source_path),
        )
    )


def _report(watch: Watch, arrival: Arrival, error: LumeError, memory: Memory, tick: _Tick) -> None:
    """Say once, on the source asset, that a place cannot be looked at, until the words change."""
    said = str(error)
    tick.words.append(f"{arrival.flow}: {error.message}")
    tick.cursor = tick.cursor.remember(arrival.name, replace(memory, trouble=said))
    if said != memory.trouble:
        _observe(_versions_of(watch, arrival)[0], arrival, error, tick)


def _observe(placed: Placed, arrival: Arrival, error: LumeError, tick: _Tick) -> None:
    told: dict[str, Any] = {"lume/arrivals": arrival.place, "lume/error": error.message}
    if error.hint:
        told["lume/hint"] = error.hint
    tick.observations.append(
        dg.AssetObservation(
            placed.key("source"),
            description=error.message,
            metadata=told,
        )
    )


def _versions_of(watch: Watch, arrival: Arrival) -> list[Placed]:
    """Every version that an arrival may come to run, the newest first."""
    flow, _, which = arrival.flow.partition(":")
    of_flow = [p for p in watch.versions.values() if p.version.flow.flow == flow]
    fixed = which not in ("", "active")
    found = [p for p in of_flow if p.version.name == arrival.flow] if fixed else of_flow
    if not found:
        known = {p.version.flow.flow for p in watch.versions.values()} | watch.versions.keys()
        raise FlowError(
            f"The arrivals name the flow {arrival.flow}, of which no version is published.",
            hint=did_you_mean(arrival.flow, known),
        )
    return sorted(found, key=lambda p: -p.version.version)


def _description(arrivals: Sequence[Arrival]) -> str:
    """On one line, as Dagster shows it."""
    named = [f"{a.flow} from {a.place}" for a in arrivals[:_MOST_DESCRIBED]]
    if len(arrivals) > _MOST_DESCRIBED:
        named.append(f"and {len(arrivals) - _MOST_DESCRIBED:,} more")
    return f"Runs each batch once it has arrived: {'; '.join(named)}."
