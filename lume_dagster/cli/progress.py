"""Waiting for a run: a moving display when a person watches; otherwise only what it warns of."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import click

from lume_dagster.cli.shell import Shell
from lume_dagster.errors import counted

if TYPE_CHECKING:
    from rich.text import Text

    from lume_dagster.client import LumeRun

PHASES = (
    ("SYNCING_SOURCE", "read the source"),
    ("TRANSFORMING", "map the rows"),
    ("SYNCING_TARGET", "write the target"),
)
_POLL_SECONDS = 0.3


def wait(run: LumeRun, shell: Shell, *, timeout: float) -> LumeRun:
    """Wait until the run has ended, showing its phases and rows to a person who watches.

    Raises:
        RunFailedError: the run ended FAILED or CRASHED.
        RunTimeoutError: it did not end in time.
    """
    if shell.is_watched:
        _show(run, timeout)
    return run.wait(timeout=timeout, poll_interval=_POLL_SECONDS, watch=_echo)


def _echo(warnings: Sequence[str]) -> None:
    for warning in warnings:
        click.echo(warning, err=True)


def _show(run: LumeRun, timeout: float) -> None:
    from rich.console import Console
    from rich.live import Live

    phase = -1
    since: list[float] = []  # when each phase was first seen
    with Live(console=Console(stderr=True), refresh_per_second=8, transient=True) as live:

        def watch(warnings: Sequence[str]) -> None:
            nonlocal phase
            for warning in warnings:
                live.console.print(warning, markup=False, highlight=False)
            phase = max(phase, _phase(str(run.status)))
            since.extend([time.monotonic()] * (phase + 1 - len(since)))
            live.update(_display(run, phase, _seconds(since)))

        run.wait(timeout, _POLL_SECONDS, raise_on_failure=False, watch=watch)


def _phase(status: str) -> int:
    names = [name for name, _ in PHASES]
    return names.index(status) if status in names else -1


def _seconds(since: list[float]) -> list[float]:
    """How long each phase has taken."""
    return [end - begin for begin, end in pairwise([*since, time.monotonic()])]


def _display(run: LumeRun, phase: int, seconds: list[float]) -> Text:
    from rich.text import Text

    text = Text.assemble((f"{run.flow_version} on {run.source_path}", "dim"), "\n")
    for mark, style, words in _lines(phase, seconds):
        text.append(f"  {mark} {words}\n", style=style)
    metrics = run.metrics if phase == len(PHASES) - 1 else None
    if metrics is not None:
        rows = metrics.row_counts
        text.append(
            f"  {counted(rows.mapped, 'row')} mapped, {rows.rejects:,} rejected\n", style="dim"
        )
    return text


def _lines(phase: int, seconds: list[float]) -> Iterator[tuple[str, str, str]]:
    """A mark, a style and words for each phase: behind, here or ahead; and how long it takes."""
    spinner = "⠋⠙⠹⠸⠼⠴⠦⠧"[int(time.monotonic() * 8) % 8]
    for at, (_, words) in enumerate(PHASES):
        if at < phase:
            yield "✓", "green", f"{words:<18}{seconds[at]:4.0f} s"
        elif at == phase:
            yield spinner, "bold", f"{words:<18}{seconds[at]:4.0f} s"
        else:
            yield "·", "dim", words
