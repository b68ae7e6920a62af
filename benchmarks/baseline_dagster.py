"""What Dagster itself costs: runs of three partitioned assets that do nothing, in this process."""

# No postponed annotations here: Dagster looks at the annotation of ``context`` itself.

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.outcome import report


def _definitions(dg: Any) -> Any:
    partitions = dg.DynamicPartitionsDefinition(name="empty")
    keys = [dg.AssetKey(["empty", step]) for step in ("source", "transform", "target")]
    specs = [
        dg.AssetSpec(
            key, deps=keys[n - 1 : n] if n else [], partitions_def=partitions, skippable=True
        )
        for n, key in enumerate(keys)
    ]

    @dg.multi_asset(  # type: ignore[untyped-decorator]
        specs=specs, can_subset=True, backfill_policy=dg.BackfillPolicy.single_run()
    )
    def empty(context: dg.AssetExecutionContext) -> Iterator[Any]:
        for partition in context.partition_keys:
            for key in keys:
                metadata = {"partition": partition}
                yield dg.AssetMaterialization(key, partition=partition, metadata=metadata)

    return dg.Definitions(assets=[empty], executor=dg.in_process_executor)


def _execute(dg: Any, home: Path, batches: list[str]) -> None:
    ends = zip(("start", "end"), (batches[0], batches[-1]), strict=True)
    span = {f"dagster/asset_partition_range_{end}": batch for end, batch in ends}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.add_dynamic_partitions("empty", batches)
        job = _definitions(dg).resolve_implicit_global_asset_job_def()
        many = len(batches) > 1
        result = job.execute_in_process(
            instance=instance,
            partition_key=None if many else batches[0],
            tags=span if many else {},
        )
        if not result.success:
            raise RuntimeError("the run failed")


def main() -> None:
    """Run some, each timed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("home", type=Path, help="a DAGSTER_HOME")
    arguments.add_argument("--times", type=int, default=1)
    arguments.add_argument("--partitions", type=int, default=1, help="of each run")
    given = arguments.parse_args()
    begun = time.perf_counter()
    import dagster as dg

    seconds = {"import dagster": time.perf_counter() - begun}
    for number in range(given.times):
        begun = time.perf_counter()
        _execute(dg, given.home, [f"batch-{number}-{n:04}" for n in range(given.partitions)])
        seconds["run" if number == 0 else f"run {number + 1}"] = time.perf_counter() - begun
    report(seconds=seconds)


if __name__ == "__main__":
    main()
