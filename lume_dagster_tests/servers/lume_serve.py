"""`lume serve` in a process of its own, and clients that know its address and a key only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lume_dagster.client.access import Access
from lume_dagster.client.calls import Line
from lume_dagster.client.remote import Server
from lume_dagster_tests.servers.process import answers, free_port, running

KEY = "a-key-of-the-tests-that-has-32-letters-and-more"
_OURS = ("LUME_", "DAGSTER_HOME")


@dataclass(frozen=True)
class Serving:
    """A server that answers, and the project it stands before."""

    project: Path
    port: int
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def site(self, url: str | None = None) -> Server:
        """A client in this process, which is not patient."""
        return Server(Line(Access(url or self.url, KEY), first_pause=0.01))

    def variables(self, **more: str) -> dict[str, str]:
        """The whole environment of a client."""
        return {"LUME_API_URL": self.url, "LUME_API_KEY": KEY, **more}


@contextmanager
def serving(
    project: Path,
    *options: object,
    port: int | None = None,
    scheme: str = "http",
    name: str = "tests",
) -> Iterator[Serving]:
    """A server until the block ends, and the name of its key; its log lies beside the project."""
    taken = port or free_port()
    command = [sys.executable, "-m", "lume_dagster.cli", "serve", "--port", taken, *options]
    env = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)}
    log = project.with_name(f"{project.name}-{taken}.log")
    env |= {"LUME_API_KEYS": f"{name}={KEY}"}
    with running(command, log, lambda: answers(taken), env=env, cwd=project):
        yield Serving(project, taken, scheme)


def elsewhere(script: str, folder: Path, environment: Mapping[str, str]) -> Any:
    """What a script prints as JSON, in a new process with these variables and no others."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
