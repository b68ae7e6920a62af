"""Run a command as a process of its own, and see what it took: seconds, CPU, peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one contender; ``outcome`` is the last line it printed."""

    wall: float
    cpu: float
    rss_mb: float
    outcome: Mapping[str, Any] = field(default_factory=dict)
    beside: float = 0.0  # CPU seconds of the servers that the harness runs

    @property
    def inside(self) -> float:
        """What the contender itself measured: its steps, without start and imports."""
        seconds: Mapping[str, float] = self.outcome.get("seconds", {})
        return sum(s for step, s in seconds.items() if not step.startswith("import"))


def _shown(command: Sequence[str]) -> str:
    return " ".join(part if len(part) < 200 else f"{part[:200]}..." for part in command)


def cpu_of_servers() -> float:
    """CPU seconds of all processes below this one that live, with those they waited for."""
    stats = [_stat(folder) for folder in Path("/proc").glob("[0-9]*")]
    parents = {pid: (parent, seconds) for pid, parent, seconds in filter(None, stats)}
    below: set[int] = {os.getpid()}
    while more := {pid for pid, (parent, _) in parents.items() if parent in below} - below:
        below |= more
    return sum(parents[pid][1] for pid in below - {os.getpid()})


def _stat(folder: Path) -> tuple[int, int, float] | None:
    """A process, its parent and its CPU seconds; None where it has ended."""
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    ticks = sum(int(part) for part in fields[11:15])
    return int(folder.name), int(fields[1]), ticks / os.sysconf("SC_CLK_TCK")


def run(command: Sequence[str], *, settings: Mapping[str, str] | None = None) -> Sample:
    """Run to the end; a command that fails stops the benchmark with what it said."""
    return LAUNCHER.get()(command, settings or {})


def _apart(command: Sequence[str], settings: Mapping[str, str]) -> Sample:
    """As a process of its own.

    CPU and memory are the kernel's own count for this child and those it waited for. The harness
    imports nothing big: a child is born with the peak memory of its parent.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        **settings,
    }
    servers = cpu_of_servers()
    begun = time.perf_counter()
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        printed = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begun
    if child.returncode != 0:
        raise RuntimeError(f"{_shown(command)} ended with {child.returncode}.\n{printed}")
    return Sample(
        wall=round(wall, 3),
        cpu=round(usage.ru_utime + usage.ru_stime, 3),
        rss_mb=round(usage.ru_maxrss / 1024, 1),
        outcome=outcome(printed),
        beside=round(cpu_of_servers() - servers, 3),
    )


def outcome(printed: str) -> Mapping[str, Any]:
    """The last line that a contender printed, where that is what came of it."""
    lines = printed.strip().splitlines()
    found: Mapping[str, Any] = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return found


#: How a command is run. To see whether it works at all, it need not be a process of its own.
LAUNCHER: ContextVar[Callable[[Sequence[str], Mapping[str, str]], Sample]] = ContextVar(
    "LAUNCHER", default=_apart
)
