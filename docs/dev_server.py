"""A real `dagster dev` on a project, for pictures and tests: started, asked by GraphQL, stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PATIENCE = 900.0
_ENDED = ("SUCCESS", "FAILURE", "CANCELED")

_LAUNCH = """mutation($given: ExecutionParams!) { launchRun(executionParams: $given) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on InvalidSubsetError { message } } }"""
_STATUS = """query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"""
_PLACES = """{ repositoriesOrError { ... on RepositoryConnection {
  nodes { name location { name } } } } }"""


@dataclass(frozen=True)
class DevServer:
    """One that answers."""

    url: str
    log: Path

    def ask(self, query: str, **variables: Any) -> Any:
        """The data that GraphQL gives; RuntimeError with what it says instead."""
        request = urllib.request.Request(  # noqa: S310 - of the loopback interface
            f"{self.url}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            told = json.load(answer)
        if "errors" in told:
            raise RuntimeError(str(told["errors"]))
        return told["data"]

    def place(self) -> tuple[str, str]:
        """The names of the only repository and of its code location."""
        (node,) = self.ask(_PLACES)["repositoriesOrError"]["nodes"]
        return node["name"], node["location"]["name"]

    def launch(
        self, keys: Sequence[Sequence[str]], tags: Mapping[str, str], job: str = "__ASSET_JOB"
    ) -> str:
        """Ask for a run of assets as the UI does; its id."""
        repository, location = self.place()
        given = {
            "selector": {
                "repositoryName": repository,
                "repositoryLocationName": location,
                "pipelineName": job,
                "assetSelection": [{"path": list(key)} for key in keys],
            },
            "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
            "runConfigData": "{}",
            "mode": "default",
        }
        told = self.ask(_LAUNCH, given=given)["launchRun"]
        if told["__typename"] != "LaunchRunSuccess":
            raise RuntimeError(str(told))
        return str(told["run"]["runId"])

    def wait(self, run: str, seconds: float = _PATIENCE) -> str:
        """How a run ended, in Dagster's words; TimeoutError when it goes on."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status = str(self.ask(_STATUS, run=run)["runOrError"]["status"])
            if status in _ENDED:
                return status
            time.sleep(0.3)
        raise TimeoutError(f"Run {run} is still {status}.\n{self.log.read_text()[-2000:]}")


@contextmanager
def dagster_dev(
    project: Path, home: Path, log: Path, port: int | None = None
) -> Iterator[DevServer]:
    """Dagster on the definitions.py of a project, with an instance in ``home``."""
    port = port or _free_port()
    command = [sys.executable, "-m", "dagster", "dev", "-f", "definitions.py"]
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - our own words
            [*command, "-h", "127.0.0.1", "-p", str(port)],
            cwd=project,
            env={**os.environ, "DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        server = DevServer(f"http://127.0.0.1:{port}", log)
        _await(process, server)
        yield server
    finally:
        _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(process: subprocess.Popen[bytes], server: DevServer) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            server.place()
        except (OSError, ValueError):  # nobody listens, or nothing is loaded yet
            time.sleep(0.3)
        else:
            return
    raise RuntimeError(f"dagster dev did not come up.\n{server.log.read_text()[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Gently; what it started is of its own session, and goes with it where it does not obey."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
