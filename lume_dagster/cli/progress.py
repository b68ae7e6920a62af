"""Waiting for a run: a moving display when a person watches, silence otherwise."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

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
    return run.wait(timeout=timeout, poll_interval=_POLL_SECONDS)


def _show(run: LumeRun, timeout: float) -> None:
    from rich.console import Console
    from rich.live import Live

    until = time.monotonic() + timeout
    phase = -1
    with Live(console=Console(stderr=True), refresh_per_second=8, transient=True) as live:
        while not run.status.ended and time.monotonic() < until:
            phase = max(phase, _phase(str(run.status)))
            live.update(_display(run, phase))
            time.sleep(_POLL_SECONDS)
            run.refresh()


def _phase(status: str) -> int:
    names = [name for name, _ in PHASES]
    return names.index(status) if status in names else -1


def _display(run: LumeRun, phase: int) -> Text:
    from rich.text import Text

    text = Text.assemble((f"{run.flow_version} on {run.source_path}", "dim"), "\n")
    for mark, style, words in _lines(phase):
        text.append(f"  {mark} {words}\n", style=style)
    metrics = run.metrics if phase == len(PHASES) - 1 else None
    if metrics is not None:
        rows = metrics.row_counts
        text.append(
            f"  {counted(rows.mapped, 'row')} mapped, {rows.rejects:,} rejected\n", style="dim"
        )
    return text


def _lines(phase: int) -> Iterator[tuple[str, str, str]]:
    """A mark, a style and words for each phase: behind, here or ahead."""
    spinner = "⠋⠙⠹⠸⠼⠴⠦⠧"[int(time.monotonic() * 8) % 8]
    for at, (_, words) in enumerate(PHASES):
        if at < phase:
            yield "✓", "green", words
        elif at == phase:
            yield spinner, "bold", words
        else:
            yield "·", "dim", words
