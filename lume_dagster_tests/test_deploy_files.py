"""What stands in deploy/ is as it says, as far as that can be told without Docker and Kubernetes."""

from __future__ import annotations

import configparser
import io
import re
import sys
import tomllib
from contextlib import redirect_stdout
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import dagster as dg
import pytest
import yaml

from lume_dagster.cli import lume

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "docker-compose.yml").read_text())
HELM = yaml.safe_load((DEPLOY / "helm-values.yaml").read_text())
INSTANCE = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


@cache
def options_of(*command):
    """The long options that a command takes; its program runs in this process."""
    (program,) = entry_points(group="console_scripts", name=command[0])
    run = lume if command[0] == "lume" else program.load()  # whose own end is that of the process
    told, argv = io.StringIO(), sys.argv
    sys.argv = [*command, "--help"]
    try:
        with redirect_stdout(told), pytest.raises(SystemExit, match="^0$"):
            run()
    finally:
        sys.argv = argv
    return set(re.findall(r"--[a-z][a-z-]*", told.getvalue()))


def known(command):
    """Whether each option of a command line is one of its command."""
    words = [str(word) for word in command]
    program = Path(words[0]).name
    verbs = [w for w in words[1:] if re.fullmatch(r"run|start|code-server|serve", w)]
    return {w for w in words if w.startswith("--")} <= options_of(program, *verbs)


@pytest.mark.parametrize("name", ["user_code", "webserver", "daemon", "api"])
def test_the_services_run_commands_that_there_are(name):
    assert known(COMPOSE["services"][name]["command"])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_units_run_commands_that_there_are(unit):
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read_string(unit.read_text())
    assert known(parser["Service"]["ExecStart"].split())
    assert set(parser.sections()) == {"Unit", "Service", "Install"}


def test_a_command_with_an_option_that_there_is_not_is_found_out():
    assert not known(["dagster-daemon", "run", "--no-such-option"])


def test_every_service_knows_where_the_instance_s_database_is():
    wanted = {value["env"] for value in postgres_of(INSTANCE).values() if isinstance(value, dict)}
    for name in ("user_code", "webserver", "daemon", "api"):
        assert wanted <= COMPOSE["services"][name]["environment"].keys()


def postgres_of(config):
    return config["storage"]["custom"]["config"]["postgres_db"]


def test_the_workspace_names_the_service_and_port_of_the_code():
    [location] = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"]
    server = location["grpc_server"]
    command = COMPOSE["services"][server["host"]]["command"]
    assert command[command.index("--port") + 1] == str(server["port"])


def test_dagster_takes_the_instance_s_settings(tmp_path, monkeypatch):
    for name in ("HOST", "USER", "PASSWORD", "DB"):
        monkeypatch.setenv(f"DAGSTER_PG_{name}", "x")
    monkeypatch.setenv("DAGSTER_PG_PORT", "5432")
    without = {key: value for key, value in INSTANCE.items() if key != "storage"}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(without))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        queue = instance.get_concurrency_config()
        assert queue.run_queue_config.max_concurrent_runs == 8
        assert queue.pool_config.default_pool_limit == 1
        assert instance.run_monitoring_settings["free_slots_after_run_end_seconds"] == 30


def test_the_chart_is_told_the_same_as_the_instance():
    def snake(value):
        if isinstance(value, list):
            return [snake(each) for each in value]
        if not isinstance(value, dict):
            return value
        plain = {"applyLimitPerUniqueValue"}
        return {
            k if k in plain else re.sub("([A-Z])", r"_\1", k).lower(): snake(v)
            for k, v in value.items()
        }

    daemon = snake(HELM["dagsterDaemon"])
    assert daemon["run_monitoring"] == INSTANCE["run_monitoring"]
    assert daemon["run_retries"] == INSTANCE["run_retries"]
    assert snake(HELM["concurrency"]["pools"]) == INSTANCE["concurrency"]["pools"]


def test_the_image_installs_extras_that_there_are():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [named] = re.findall(r"lume-dagster\[([a-z0-9,]+)\]", (DEPLOY / "Dockerfile").read_text())
    assert set(named.split(",")) <= project["optional-dependencies"].keys()


@pytest.mark.parametrize(
    "path", sorted(p for p in DEPLOY.rglob("*") if p.is_file()), ids=lambda p: p.name
)
def test_every_file_says_in_its_first_line_what_it_is(path):
    assert path.read_text().startswith("# ")


def test_no_file_holds_a_password():
    for path in DEPLOY.rglob("*.*"):
        for value in re.findall(r"(?im)^ *[a-z_]*password[a-z]*: *(.+)$", path.read_text()):
            assert re.match(r"\{env:|\$\{|lume-pg|false", value), (path.name, value)
