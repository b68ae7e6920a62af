"""Take the pictures of docs/images/: a project of a month, a real `dagster dev`, a headless browser.

``make screenshots``, or ``python docs/screenshots.py [FOLDER]``. It needs Chromium or Chrome.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parent.parent))

from docs.browser import Browser, browser, find_browser
from docs.dev_server import DevServer, dagster_dev

IMAGES = Path(__file__).parent / "images"
NIGHTS = 24
PROJECT = Path(tempfile.gettempdir()) / "shop"
_WIDTH = 1400
STEPS = ("source", "transform", "target")

_FLOW = """\
lume: 1
flow: orders
description: Orders of the shops, as they come in every night.
owners: ["team:sales"]
source: {connector: landing}
target: {connector: warehouse, table: sales.orders, key: [order_no]}
schema:
  type: object
  required: [order_no, placed]
  properties:
    order_no: {type: string, description: Number of the order.}
    placed: {type: string, format: date}
    shop: {type: string}
    total: {type: number, minimum: 0}
mapping:
  order_no: '"Order No"'
  placed: parse_date(Placed, '%d.%m.%Y')
  shop: upper(trim(Shop))
  total: parse_number(Total)
rules:
  - {name: known_shop, check: "Shop IN ('Bonn', 'Kiel', 'Ulm')", on_fail: warn}
checks:
  - {row_count: {min: 1}}
errors: {max_error_rate: 0.2}
"""
_DEFINITIONS = '''\
"""The code location of the pictures."""

from pathlib import Path

import lume_dagster as lume
from lume_dagster.connectors import DuckDBConnector, LocalFilesConnector

HERE = Path(__file__).parent

defs = lume.build_definitions(
    flows=HERE / "flows",
    connectors={
        "landing": LocalFilesConnector(root=str(HERE / "landing")),
        "warehouse": DuckDBConnector(path=str(HERE / "warehouse.duckdb")),
    },
    data=HERE / ".lume",
    checks=lume.Checks(reject_rate_above=0.05, read_back=True),
)
'''


def make_project(folder: Path, nights: int = NIGHTS) -> list[str]:
    """A flow with a file for each night; the last is short and has rows that cannot be mapped.

    Gives the batches by their full names, as people and arrivals run them.
    """
    from lume_dagster.flows.library import Library

    home = folder / "flows" / "orders"
    home.mkdir(parents=True)
    (home / "flow.yaml").write_text(_FLOW, encoding="utf-8")
    (folder / "definitions.py").write_text(_DEFINITIONS, encoding="utf-8")
    Library(folder / "flows").publish("orders", author="ana@example.org", note="the first")
    (folder / "landing").mkdir()
    chance = random.Random(7)  # noqa: S311 - the same pictures each time
    batches = []
    for night in range(nights):
        day = date(2026, 1, 7) + timedelta(days=night)
        last = night == nights - 1
        rows = chance.randint(300, 330) if last else chance.randint(950, 1100)
        file = folder.resolve() / "landing" / f"orders-{day}.csv"
        batches.append(file.as_uri())
        every = 9 if last else 60 + night if night % 3 == 0 else rows + 1
        lines = [_order(chance, day, n + 1, bad=(n + 1) % every == 0) for n in range(rows)]
        header = "Order No,Placed,Shop,Total" + (",Voucher" if last else "")
        text = "\n".join([header, *(f"{x}," if last else x for x in lines), ""])
        file.write_text(text, encoding="utf-8")
    return batches


def _order(chance: random.Random, day: date, number: int, *, bad: bool) -> str:
    placed = f"{day:%d.%m.%Y}"
    if bad:
        placed = chance.choice(("31.02.2026", "yesterday", ""))
    shop = chance.choice(("Bonn", "Kiel", "Ulm"))
    return f"{day:%m%d}-{number:04},{placed},{shop},{chance.randint(500, 90000) / 100}"


def run_nights(project: Path, batches: Sequence[str]) -> None:
    """Run all but the last one by one in this process, on the instance that the UI will show."""
    from lume_dagster.orchestration.instance import open_instance
    from lume_dagster.orchestration.project import load_project

    defs = load_project(project, ["orders:v1"]).definitions
    job = defs.resolve_implicit_global_asset_job_def()
    with open_instance(project / ".lume") as instance:
        instance.add_dynamic_partitions("lume/orders/v1", list(batches))
        for batch in batches[:-1]:
            job.execute_in_process(instance=instance, partition_key=batch, raise_on_error=False)


#: Each picture: below what its page is, what the page shows when it is there, how high it is.
VIEWS: dict[str, tuple[str, tuple[str, ...], int]] = {
    "graph": ("{asset}/transform?view=lineage&lineageScope=neighbors", ("100% filled",), 640),
    "partition": ("{asset}/transform?view=partitions&partition={batch}", ("rows_rejected",), 900),
    "checks": (
        "{asset}/source?view=checks&checkDetail=row_count_anomaly",
        ("usual_min", "Plots"),
        1250,
    ),
    "rejects": ("{asset}/transform?view=checks&checkDetail=rejects", ("Plots",), 1000),
    "runs": ("{server}/runs", ("PARTIAL_FAILED",), 900),
    "run": ("{server}/runs/{run}?logs=pass.", ("rejects",), 900),
}


def take_pictures(server: DevServer, page: Browser, last: str, into: Path) -> list[Path]:
    """Run the last night as the UI does, and look at what there is to see."""
    tags = {"dagster/partition": last}
    run = server.launch([["lume", "orders", "v1", step] for step in STEPS], tags)
    status = server.wait(run)
    if status != "SUCCESS":
        said = server.log.read_text(encoding="utf-8")[-2000:]
        raise RuntimeError(f"The last night's run ended {status}.\n{said}")
    places = {
        "asset": f"{server.url}/assets/lume/orders/v1",
        "server": server.url,
        "batch": quote(last, safe=""),
        "run": run,
    }
    return [_picture(page, name, places, into / f"{name}.png") for name in VIEWS]


def _picture(page: Browser, name: str, places: dict[str, str], path: Path) -> Path:
    below, texts, height = VIEWS[name]
    page.size(_WIDTH, height)
    page.go(below.format(**places), *texts)
    page.picture(path)
    return path


def main(into: Path, nights: int = NIGHTS, project: Path = PROJECT) -> None:
    """Make all pictures again, of so many nights; ``project`` must not be there, and goes again.

    Its path is in the pictures, as it is in the names of the batches.
    """
    program = find_browser()
    if program is None:
        sys.exit("There is no Chromium or Chrome on the PATH; install one, and try again.")
    project.mkdir()
    with (
        ExitStack() as ending,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary,
    ):
        ending.callback(shutil.rmtree, project, ignore_errors=True)
        batches = make_project(project, nights)
        run_nights(project, batches)
        with (
            dagster_dev(project, project / ".lume" / "dagster", Path(temporary) / "log") as server,
            browser(program) as page,
        ):
            for path in take_pictures(server, page, batches[-1], into):
                sys.stdout.write(f"{path} ({path.stat().st_size:,} bytes)\n")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("into", nargs="?", type=Path, default=IMAGES, metavar="FOLDER")
    main(arguments.parse_args().into)
