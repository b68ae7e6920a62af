"""What ``lume_dagster`` does, one command for each thing that is measured."""

from __future__ import annotations

import argparse
import json
import runpy
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.outcome import report
from lume_dagster.collector import without_collector
from lume_dagster.ending import ending_at_once


class Clock:
    """Seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure what is done inside."""
        begun = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - begun


def _codes(folder: Path) -> Mapping[str, int]:
    """Rows by ``field:CODE`` in a run's ``validation_results.json``."""
    tests = json.loads((folder / "validation_results.json").read_text())["tests"]
    rows = [t for t in tests if t["rows_failed"] and t["error_code"] not in (None, "CHECK_FAILED")]
    return {f"{t['field'] or t['name']}:{t['error_code']}": t["rows_failed"] for t in rows}


def _engine(given: argparse.Namespace, scratch: Path) -> Any:
    from lume_dagster.engines.duckdb_engine import DuckDBEngine
    from lume_dagster.engines.settings import EngineSettings

    return DuckDBEngine(EngineSettings(scratch=scratch, memory_limit=given.memory_limit))


def _version(folder: Path) -> Any:
    from lume_dagster.flows.library import Library

    return Library(folder / "flows").resolve("invoices:v1")


# -- the engine alone ---------------------------------------------------------------------------


def stage(given: argparse.Namespace) -> None:
    """A CSV file as a staged batch."""
    from lume_dagster.engines.readers.files import InputFile
    from lume_dagster.flows.model import SourceFormat

    clock = Clock()
    file = InputFile(given.source, given.source.as_uri(), "1")
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with clock.step("stage"), _engine(given, given.out.parent / "scratch") as engine:
        staged = engine.stage_files([file], SourceFormat(type="csv"), given.out)
    report(mapped=staged.records, seconds=clock.seconds)


def transform(given: argparse.Namespace) -> None:
    """A staged batch as mapped rows, rejects, metrics and validation results."""
    from lume_dagster.engines.batch import StagedBatch
    from lume_dagster.runs import phases

    clock = Clock()
    staged = StagedBatch.load(given.source)
    assert staged is not None, f"{given.source} is not staged"
    batch = phases.Batch(
        _version(given.project), given.source.name, "run_1", given.source, given.out / "out"
    )
    with clock.step("transform"), _engine(given, given.out / "scratch") as engine:
        outcome = phases.transform(batch, staged, engine)
    rows = outcome.mapped.rows
    report(
        mapped=rows.mapped, rejected=rows.rejects, codes=_codes(batch.output), seconds=clock.seconds
    )


# -- through Dagster ----------------------------------------------------------------------------


def run(given: argparse.Namespace) -> None:
    """Batches through Dagster in this process, in one run of all assets."""
    clock = Clock()
    with clock.step("import dagster"), without_collector():  # as our own processes do
        import dagster  # noqa: F401 - what everything below imports too
    for number in range(given.times):
        name = "run" if number == 0 else f"run {number + 1}"
        with clock.step(name):
            result = _execute(given, given.batches[number :: given.times])
    version = _version(given.project)
    from lume_dagster.runs.output import Layout

    layout = Layout(given.project / ".lume")
    outputs = layout.output(version, f"run_{result.run_id}").rglob("metrics.json")
    mapped = rejected = 0
    codes: dict[str, int] = {}
    for path in outputs:
        rows = json.loads(path.read_text())["row_counts"]
        mapped, rejected = mapped + rows["mapped"], rejected + rows["rejects"]
        for code, n in _codes(path.parent).items():
            codes[code] = codes.get(code, 0) + n
    report(mapped=mapped, rejected=rejected, codes=codes, seconds=clock.seconds)


def _execute(given: argparse.Namespace, batches: list[str]) -> Any:
    with without_collector():
        from lume_dagster.orchestration.instance import open_instance
        from lume_dagster.orchestration.names import asset_key, partitions_name
        from lume_dagster.orchestration.project import load_project
        from lume_dagster.runs.status import STEPS

        version = _version(given.project)
    project = load_project(given.project, [version.name])
    many = len(batches) > 1
    ends = zip(("start", "end"), (batches[0], batches[-1]), strict=True)
    span = {f"dagster/asset_partition_range_{end}": batch for end, batch in ends}
    with open_instance(project.workspace.data) as instance:
        instance.add_dynamic_partitions(partitions_name("lume", version), batches)
        result = project.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance,
            asset_selection=[asset_key("lume", version, step) for step in STEPS],
            partition_key=None if many else batches[0],
            tags=span if many else {},
        )
    if not result.success:
        raise RuntimeError("the run failed")
    return result


def location(given: argparse.Namespace) -> None:
    """Load a code location as ``dagster dev`` does, to the repository with its asset graph."""
    clock = Clock()
    with clock.step("import dagster"):
        import dagster  # noqa: F401
    with clock.step("load"):
        definitions = runpy.run_path(str(given.project / "definitions.py"))["defs"]
        repository = definitions.get_repository_def()
        assets = len(repository.asset_graph.get_all_asset_keys())
    report(mapped=assets, seconds=clock.seconds)


# -- into PostgreSQL ----------------------------------------------------------------------------


def load(given: argparse.Namespace) -> None:
    """Deliver mapped rows and rejects that are there to PostgreSQL, the batch replacing itself."""
    from lume_dagster.connectors import PostgresConnector
    from lume_dagster.connectors.protocol import Column, Delivery

    columns = json.loads((given.source / "columns.json").read_text())
    delivery = Delivery(
        table="invoices",
        columns=tuple(Column(**c) for c in columns),
        key=(),
        mode="replace_batch",
        mapped=(given.source / "mapped" / "part-0000.parquet",),
        rejects=(given.source / "rejects" / "part-0000.parquet",),
        flow="invoices",
        version=1,
        source_path="invoices.csv",
        run_id="run_1",
    )
    clock = Clock()
    with clock.step("load"):
        target = PostgresConnector(uri=given.uri)
        target.check(delivery)
        receipt = target.deliver(delivery)
    report(mapped=receipt.mapped_rows, rejected=receipt.rejects_rows, seconds=clock.seconds)


def columns(given: argparse.Namespace) -> None:
    """Transform a staged batch, and keep its columns beside it for ``load``."""
    from lume_dagster.engines.batch import StagedBatch
    from lume_dagster.runs import phases

    staged = StagedBatch.load(given.source)
    assert staged is not None, f"{given.source} is not staged"
    batch = phases.Batch(
        _version(given.project), given.source.name, "run_1", given.source, given.out
    )
    with _engine(given, given.out.parent / "scratch") as engine:
        outcome = phases.transform(batch, staged, engine)
    described = [
        {"name": c.name, "type": c.type, "nullable": c.nullable} for c in outcome.mapped.columns
    ]
    (given.out / "columns.json").write_text(json.dumps(described))
    report(mapped=outcome.mapped.rows.mapped, rejected=outcome.mapped.rows.rejects)


COMMANDS = {
    "stage": stage, "transform": transform, "columns": columns, "run": run, "location": location, "load": load,
}  # fmt: skip


def main() -> None:
    """Do one thing, and say on the last line what came out."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("command", choices=COMMANDS)
    arguments.add_argument("source", type=Path, nargs="?")
    arguments.add_argument("out", type=Path, nargs="?")
    arguments.add_argument("--project", type=Path)
    arguments.add_argument("--batches", type=lambda text: text.split(","), default=[])
    arguments.add_argument(
        "--times", type=int, default=1, help="runs, the batches dealt out among them"
    )
    arguments.add_argument("--memory-limit", default="2GB")
    arguments.add_argument("--uri")
    given = arguments.parse_args()
    with ending_at_once():  # as our own processes do
        COMMANDS[given.command](given)


if __name__ == "__main__":
    main()
