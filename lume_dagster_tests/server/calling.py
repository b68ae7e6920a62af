"""A server in a process of its own, as `lume serve` starts it, and a client on a plain socket."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from lume_dagster_tests.servers.process import ROOT, answers, free_port, running
from lume_dagster_tests.waiting import PATIENCE, wait_until

KEY = "k3y-of-the-partner-0123456789abcdef"
OTHER = "another-key-of-someone-0123456789ab"
KEYS = f"partner={KEY},other={OTHER}"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]  # names in small letters
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    """A server that answers, and the one way in which tests ask it."""

    port: int
    folder: Path
    log: Path
    process: subprocess.Popen[bytes]

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = KEY,
        headers: Mapping[str, str] = {},
        **query: Any,
    ) -> Answer:
        """One request on a connection of its own; a body that is no bytes is sent as JSON."""
        sent = {**({} if key is None else {"Authorization": f"Bearer {key}"}), **headers}
        where = f"{path}?{urlencode(query, doseq=True)}" if query else path
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, where, data, sent)
            said = connection.getresponse()
            told = {name.lower(): value for name, value in said.getheaders()}
            return Answer(said.status, told, said.read())
        finally:
            connection.close()

    def start(self, flow: str, source_path: str, **more: Any) -> dict[str, Any]:
        """The run that was started."""
        wish = {"flow_version": flow, "source_path": source_path, **more}
        answer = self.ask("POST", "/v1/runs", wish)
        assert answer.status == 202, answer.body
        return dict(answer.json)

    def wait(self, run_id: str) -> dict[str, Any]:
        """The run when it has ended."""
        return dict(
            wait_until(
                lambda: (told := self.look(run_id, wait=30))["finished_at"] and told,
                lambda: self.look(run_id)["status"],
            )
        )

    def look(self, run_id: str, **query: Any) -> dict[str, Any]:
        """The run as it stands."""
        answer = self.ask("GET", f"/v1/runs/{run_id}", **query)
        assert answer.status == 200, answer.body
        return dict(answer.json)

    def left(self) -> list[str]:
        """What is in the folders where files are on their way in or out."""
        data = next(d for d in (self.folder / ".lume", self.folder / "data") if d.is_dir())
        found = [*data.glob("scratch/*.http"), *data.glob("uploads/.*")]
        return sorted(str(path.relative_to(data)) for path in found)


@contextmanager
def serving(folder: Path, *options: str, keys: str = KEYS) -> Iterator[Served]:
    """`lume serve` on the project in a folder."""
    port, log = free_port(), folder / f"serve-{len(list(folder.glob('serve-*')))}.log"
    command = [sys.executable, "-m", "lume_dagster.cli", "serve", "--port", port, *options]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LUME_API_KEYS": keys}
    env.pop("LUME_PROJECT", None)
    with running(command, log, lambda: answers(port), env=env, cwd=folder) as process:
        yield Served(port, folder, log, process)


def problem(answer: Answer, status: int, error: str, detail: str) -> dict[str, Any]:
    """What a problem says, after looking at its form."""
    assert answer.headers["content-type"] == "application/problem+json", answer.body
    told = answer.json
    assert (answer.status, told["status"], told["error"]) == (status, status, error), told
    assert (told["type"], bool(told["title"])) == ("about:blank", True)
    assert re.search(detail, told["detail"]), told["detail"]
    assert told["hint"] is None or not told["hint"].endswith(".")
    return dict(told)
