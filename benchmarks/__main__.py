"""Measure: ``python -m benchmarks [scenario ...] [--rows N] [--rounds N] [--cache FOLDER]``.

``connectors`` is short for all scenarios that begin so, as ``connectors.postgres`` is; so is ``mapping``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import figures, machine, report
from benchmarks.mapping import models
from benchmarks.rounds import say
from benchmarks.scenarios import SCENARIOS
from benchmarks.setting import Setting


def main() -> None:
    """Take the figures of the scenarios named, or of all, and write the report again."""
    if sys.argv[1:2] == ["mapping"] and "--provider" in sys.argv:
        models.main(sys.argv[2:])
        return
    arguments = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    arguments.add_argument(
        "scenarios", nargs="*", metavar="scenario", help=f"of {', '.join(SCENARIOS)}"
    )
    arguments.add_argument(
        "--rows", type=int, default=1_000_000, help="the large scenarios take ten times as many"
    )
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "lume-benchmarks",
                           help="some 15 GB outside the checkout; invoices in it are used again")  # fmt: skip
    arguments.add_argument(
        "--keep", action="store_true", help="print the figures, leave the committed ones alone"
    )
    given = arguments.parse_args()
    chosen = {name: _meant(name) for name in given.scenarios or SCENARIOS}
    unknown = [name for name, meant in chosen.items() if not meant]
    if unknown:
        arguments.error(
            f"there is no scenario {', '.join(unknown)}; there are {', '.join(SCENARIOS)}"
        )
    setting = Setting(given.rows, given.rounds, given.cache.absolute())
    for name in dict.fromkeys(name for meant in chosen.values() for name in meant):
        taken = {**machine.describe(), "rows": setting.rows, "rounds": setting.rounds}
        say(f"{name} (load {taken['load']})")
        try:
            result = SCENARIOS[name](setting)
        except figures.NotRun as reason:
            say(f"{name} is not run: {reason}")
            continue
        print(report.section(result), flush=True)
        if not given.keep:
            figures.store(name, result, taken)
            report.write()


def _meant(name: str) -> list[str]:
    """The scenarios of that name, or below it."""
    return [each for each in SCENARIOS if each == name or each.startswith(f"{name}.")]


if __name__ == "__main__":
    main()
