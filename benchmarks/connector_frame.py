"""Read a table into staging and write it from staging, with our connector and with whatever else can.

Each way is a process of its own, so its memory is its own. All of them import the same before the clock
starts, and may do fewer rows than all where they are slow: what is compared is seconds a row.

    python -m benchmarks.connector_frame <kind> <read|write> <way> <place> <batch> <out>
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OURS, NOTHING = "lume_dagster", "lume_dagster, no row"
AGAIN = "lume_dagster, the batch once more"  # what an earlier delivery of it has brought is there
TABLE, TARGET = "facts", "bench.facts"
BATCH = "march"

#: A way to do the job: place of the server, the batch as Parquet, where to put files -> rows.
Way = Callable[[str, Path, Path], int]

_TYPES = {
    "integer": "(i * 7919) % 1000003",
    "number": "random() * 1000",
    "decimal(18,4)": "((i % 100000) / 7)::DECIMAL(18,4)",
    "string": "'value ' || (i % 5000)",
    "date": "DATE '2020-01-01' + (i % 2000)::INTEGER",
    "timestamp": "TIMESTAMP '2020-01-01' + INTERVAL (i) SECOND",
    "boolean": "i % 3 = 0",
}
#: Twenty columns: name, type as a target says it, value of row i.
COLUMNS = (
    ("id", "integer", "i"),
    ("batch", "string", f"'{BATCH}'"),
    *((f"c{n}", *list(_TYPES.items())[n % len(_TYPES)]) for n in range(2, 20)),
)


@dataclass(frozen=True, slots=True)
class System:
    """A system and the ways to read and write it; the first of each is the bare client that wins."""

    title: str
    server: Callable[[], AbstractContextManager[Any]]
    connector: Callable[[str], Any]  # ours, for a place
    fill: Callable[[str, Path], None]  # make the table ``facts`` of the batch
    clear: Callable[[str], None]  # remove what was written to ``bench.facts``
    read: Mapping[str, Way] = field(default_factory=dict)
    write: Mapping[str, Way] = field(default_factory=dict)
    query: str = f"SELECT * FROM {TABLE} WHERE batch = :source_path"
    #: For a store: our way to read, which is by files.
    our_read: Way | None = None
    peers: tuple[str, ...] = ()  # of dlt and sling, those that can do the same: connector_peers.py
    modules: tuple[str, ...] = ()  # imported before the clock starts, by every way
    notes: tuple[str, ...] = ()
    #: Where in a server there is room for the tables, as one text; the server itself unless said.
    place: Callable[[Any], AbstractContextManager[str]] = nullcontext
    #: Whether the server is a double of the tests, so that what it takes says nothing of the system.
    is_double: bool = False
    #: What a run of it is bounded by, where a double is slow; the title says how many rows it was.
    most_rows: int = 1_000_000

    @contextmanager
    def reached(self, running: Any = None) -> Iterator[str]:
        """A place in a server that runs, or in one that is started."""
        served = self.server() if running is None else nullcontext(running)
        with served as server, self.place(server) as place:
            yield place


_MODULES = (
    *("duckdb", "pandas", "pyarrow.dataset", "pyarrow.parquet", "sqlglot", "dagster"),
    *("sqlglot.dialects.duckdb", "sqlglot.dialects.postgres"),
    *("lume_dagster.connectors.batch_files", "lume_dagster.engines.stage"),
    *("lume_dagster.engines.duckdb_engine", "lume_dagster.testing.deliveries"),
    *("lume_dagster.engines.readers.parquet", "lume_dagster.engines.readers.stream"),
)


def systems() -> Mapping[str, Path]:
    """The systems that can be measured; nothing of them is imported."""
    folder = Path(__file__).parent / "connectors"
    names = [module.name for module in pkgutil.iter_modules([str(folder)])]
    paths = {name: folder / f"{name}.py" for name in names}
    return {name: path for name, path in paths.items() if "\nSYSTEM = " in path.read_text()}


def system(kind: str) -> System:
    """The system's ways."""
    found: System = importlib.import_module(f"benchmarks.connectors.{kind}").SYSTEM
    return found


def make_batch(rows: int, file: Path) -> None:
    """A batch of twenty columns, as a transform leaves it."""
    import duckdb

    outputs = ", ".join(f"{sql} AS {name}" for name, _, sql in COLUMNS)
    query = f"SELECT {outputs}, i + 1 AS _lume_row FROM range({rows}) t(i)"
    file.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet)")


def engine(out: Path) -> Any:
    """Our engine, as a run has it."""
    from lume_dagster.engines.duckdb_engine import DuckDBEngine
    from lume_dagster.engines.settings import EngineSettings

    return DuckDBEngine(EngineSettings(scratch=out / "scratch"))


def _our_read(of: System, path: str) -> Way:
    def read(place: str, _: Path, out: Path) -> int:
        with of.connector(place).read(of.query, path) as reader:
            return int(engine(out).stage_stream(reader, path, out / "staged").records)

    return read


@dataclass(frozen=True, slots=True)
class _OurWrite:
    """A delivery of the batch, or of no row; what a run hands to a target is made beforehand."""

    of: System
    rows: bool = True
    run_id: str = "run_1"

    def ready(self, place: str, batch: Path, out: Path) -> Callable[[], int]:
        from dataclasses import replace

        from lume_dagster.connectors.protocol import Column
        from lume_dagster.testing.deliveries import make_delivery

        columns = tuple(Column(name, type_) for name, type_, _ in COLUMNS)
        given = make_delivery(out, [], table=TARGET, columns=columns, source_path=BATCH)
        given = replace(given, run_id=self.run_id)
        delivery = replace(given, mapped=(batch,)) if self.rows else given
        connector = self.of.connector(place)

        def write() -> int:
            connector.check(delivery)
            return int(connector.deliver(delivery).mapped_rows)

        return write

    def __call__(self, place: str, batch: Path, out: Path) -> int:
        return self.ready(place, batch, out)()


def _ready(way: Way, place: str, batch: Path, out: Path) -> Callable[[], int]:
    """All that is left to do."""
    if isinstance(way, _OurWrite):
        return way.ready(place, batch, out)
    return lambda: way(place, batch, out)


def ways(kind: str, direction: str) -> Mapping[str, Way]:
    """Ours, ours once more, ours without a row (what it needs before it begins), and the others."""
    of = system(kind)
    if direction == "write":
        ours: dict[str, Way] = {
            OURS: _OurWrite(of),
            AGAIN: _OurWrite(of, run_id="run_2"),
            NOTHING: _OurWrite(of, rows=False),
        }
        return {**ours, **of.write}
    if of.our_read is not None:
        return {OURS: of.our_read, **of.read}
    return {OURS: _our_read(of, BATCH), NOTHING: _our_read(of, "no such batch"), **of.read}


def main() -> None:
    """Do one thing, and say how many rows it was."""
    from benchmarks.outcome import report

    arguments = argparse.ArgumentParser(prog="benchmarks.connector_frame", description=__doc__)
    arguments.add_argument("kind")
    arguments.add_argument("direction", choices=("read", "write", "batch"))
    arguments.add_argument("way", help="or, of a batch, how many rows")
    arguments.add_argument("place")
    arguments.add_argument("batch", type=Path)
    arguments.add_argument("out", type=Path)
    given = arguments.parse_args()
    if given.direction == "batch":
        make_batch(int(given.way), given.batch)
        return
    if given.way == "prepare":
        of = system(given.kind)
        of.fill(given.place, given.batch) if given.direction == "read" else of.clear(given.place)
        return
    way = ways(given.kind, given.direction)[given.way]
    for module in (*_MODULES, *system(given.kind).modules):
        importlib.import_module(module)
    system(given.kind).connector(given.place)  # and what ours imports, for all
    act = _ready(way, given.place, given.batch, given.out)
    begun, cpu = time.perf_counter(), time.process_time()
    rows = act()
    taken = {given.direction: time.perf_counter() - begun}
    report(mapped=rows, seconds=taken, cpu_us=round((time.process_time() - cpu) * 1_000_000))


if __name__ == "__main__":
    main()
