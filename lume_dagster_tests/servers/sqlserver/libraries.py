"""The system libraries that the driver of SQL Server links to, where only `.ci/servers` has them."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from lume_dagster_tests.servers.process import INSTALLED

#: Each after those it needs itself.
_NEEDED = (
    "libkeyutils.so.1",
    "libcom_err.so.2",
    "libkrb5support.so.0",
    "libk5crypto.so.3",
    "libkrb5.so.3",
    "libgssapi_krb5.so.2",
    "libltdl.so.7",
)


def offer_libraries() -> None:
    """Load what the system lacks, for this process and for those that it starts."""
    folders = {path.parent for path in (_unpacked(name) for name in _NEEDED) if path}
    if folders:
        before = os.environ.get("LD_LIBRARY_PATH", "")
        paths = [*map(str, sorted(folders)), *before.split(os.pathsep)]
        os.environ["LD_LIBRARY_PATH"] = os.pathsep.join(path for path in paths if path)


def _unpacked(name: str) -> Path | None:
    """The library that `.ci/servers` unpacked, loaded; None where the system has it, or nobody."""
    try:
        ctypes.CDLL(name)
    except OSError:
        found = next((INSTALLED / "libraries").rglob(name), None)
        if found is not None:
            ctypes.CDLL(str(found), ctypes.RTLD_GLOBAL)
        return found
    return None


def missing_libraries() -> list[str]:
    """What the driver needs and nobody has."""
    return [name for name in _NEEDED if sys.platform == "linux" and not _loads(name)]


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
