"""Who does things here, for audit trails."""

from __future__ import annotations

import getpass
import shutil
import subprocess


def whoami() -> str:
    """Who publishes, as git knows them, else as the system does."""
    git = shutil.which("git")
    if git is not None:
        asked = subprocess.run(  # noqa: S603 - fixed words
            [git, "config", "user.name"], capture_output=True, text=True, check=False
        )
        if asked.stdout.strip():
            return asked.stdout.strip()
    return getpass.getuser()
