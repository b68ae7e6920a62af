"""A deployment as docs/deployment.md describes it, of processes: code server, daemon, webserver."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from lume_dagster_tests.servers.process import answers, free_port, running
from lume_dagster_tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

#: What is impatient in a test: seconds, where an operator has minutes.
IMPATIENT = {
    "run_monitoring": {"poll_interval_seconds": 1, "free_slots_after_run_end_seconds": 1},
    "concurrency": {"runs": {"max_concurrent_runs": 2}},
}

_LAUNCH = """
mutation($execution: ExecutionParams!) {
  launchRun(executionParams: $execution) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""

_STOP = """
mutation($run: String!) {
  terminateRun(runId: $run) { __typename ... on PythonError { message } }
}
"""


@dataclass(frozen=True)
class Deployment:
    """The running processes, and the instance they share."""

    webserver: int
    instance: dg.DagsterInstance

    def launch(self, keys: list[dg.AssetKey], source_path: str) -> str:
        """Queue a run as the UI does; Dagster's id of it."""
        execution = {
            "selector": {
                "repositoryLocationName": "lume",
                "repositoryName": "__repository__",
                "pipelineName": "__ASSET_JOB",
                "assetSelection": [{"path": list(key.path)} for key in keys],
                "assetCheckSelection": [],
            },
            "mode": "default",
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": source_path}]},
        }
        answer = self.ask(_LAUNCH, {"execution": execution})["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def stop(self, run_id: str) -> None:
        """Cancel a run, and wait until it has ended."""
        asked = self.ask(_STOP, {"run": run_id})["terminateRun"]
        assert asked["__typename"] == "TerminateRunSuccess", asked
        wait_until(lambda: self.instance.get_run_by_id(run_id).is_finished, pause=0.1)

    def ask(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The data of a GraphQL answer."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.webserver}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        return dict(answer["data"])


@contextmanager
def deployed(project: Path, environment: Mapping[str, str]) -> Iterator[Deployment]:
    """The instance of deploy/dagster.yaml and its processes, ended by their pids."""
    home = project / "home"
    home.mkdir()
    config = yaml.safe_load((ROOT / "deploy/dagster.yaml").read_text())
    (home / "dagster.yaml").write_text(yaml.safe_dump(_merged(config, IMPATIENT)))
    env = {**os.environ, **environment, "DAGSTER_HOME": str(home), "PYTHONPATH": str(ROOT)}
    code, web = free_port(), free_port()
    server = {"host": "127.0.0.1", "port": code, "location_name": "lume"}
    workspace = home / "workspace.yaml"
    workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
    with ExitStack() as stack:

        def start(name: str, command: list[object], port: int | None) -> None:
            def ready() -> bool:
                return port is None or answers(port)

            log = home / f"{name}.log"
            stack.enter_context(running(command, log, ready, env=env, cwd=project))

        grpc = ["-m", "dagster", "api", "grpc", "--host", "127.0.0.1", "--port", code]
        start("code", [sys.executable, *grpc, "--python-file", "definitions.py"], code)
        at = ["--workspace", workspace]
        start("webserver", [BIN / "dagster-webserver", "--port", web, *at], web)
        start("daemon", [BIN / "dagster-daemon", "run", *at], None)
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield Deployment(web, instance)


def _merged(config: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return config | {
        key: _merged(config.get(key, {}), value) if isinstance(value, Mapping) else value
        for key, value in changes.items()
    }
