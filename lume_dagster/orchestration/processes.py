"""Tell whether the process that executes a run is still there."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

_SEPARATOR = " "


def describe_process(run_id: str, pid: int) -> str:
    """The process of a run as text that no other run and no later process will match.

    The run is part of it because Dagster copies the tags of a run to the run that retries it.
    """
    return _SEPARATOR.join((run_id, socket.gethostname(), str(pid), _started(pid) or "gone"))


def is_gone(run_id: str, description: str) -> bool:
    """Whether the run's process is known to have ended; of another machine's nothing is known."""
    owner, host, pid, started = description.split(_SEPARATOR, 3)
    return owner == run_id and host == socket.gethostname() and _started(int(pid)) != started


def pid_here(run_id: str, description: str) -> int | None:
    """The process's number when it runs on this machine."""
    owner, host, pid, started = description.split(_SEPARATOR, 3)
    here = owner == run_id and host == socket.gethostname() and _started(int(pid)) == started
    return int(pid) if here else None


def _started(pid: int) -> str | None:
    """When a process started, in whatever words the system has for it; None when it has ended."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        return _from_proc(stat)
    if os.name == "posix":
        told = subprocess.run(  # noqa: S603
            ["ps", "-o", "lstart=,stat=", "-p", str(pid)],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        ).stdout.split()
        return None if not told or told[-1].startswith("Z") else "-".join(told[:-1])
    return _from_psutil(pid)


def _from_proc(stat: Path) -> str | None:
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except OSError:  # it has ended
        return None
    state, started = fields[0], fields[19]
    return None if state in "ZX" else started


def _from_psutil(pid: int) -> str | None:
    import psutil  # type: ignore[import-untyped,unused-ignore]  # Dagster brings it where there is no ps

    try:
        return str(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None
