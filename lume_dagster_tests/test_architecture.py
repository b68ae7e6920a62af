"""The house keeps its shape: public names, budgets, sentences, import cost, and the docs."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points, requires
from pathlib import Path

import click
import pytest

import lume_dagster
from lume_dagster import errors
from lume_dagster.cli import lume
from lume_dagster_tests.servers.groups import SECONDS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "lume_dagster"
TESTS = ROOT / "lume_dagster_tests"
FILES = sorted([*PACKAGE.rglob("*.py"), *TESTS.rglob("*.py")])
HEAVY = (
    "adbc_driver_postgresql",
    "click",
    "dagster",
    "duckdb",
    "pandas",
    "pyarrow",
    "rich",
    "sqlglot",
)

PUBLIC_NAMES = [
    "ApiError",
    "Arrival",
    "AuthenticationError",
    "BatchError",
    "BatchSchedule",
    "BusyError",
    "Checks",
    "ConnectorError",
    "ConnectorIOManager",
    "EngineError",
    "Flow",
    "FlowError",
    "FlowProps",
    "InvalidRequestError",
    "Job",
    "LumeError",
    "LumeFlowComponent",
    "LumeFlowsComponent",
    "LumeRun",
    "LumeTranslator",
    "LumeWebhooksComponent",
    "Mapper",
    "Mapping",
    "MissingExtraError",
    "NotFoundError",
    "NotNowError",
    "Pipeline",
    "PlanError",
    "Result",
    "RunError",
    "RunFailedError",
    "RunTimeoutError",
    "SeedProps",
    "Webhook",
    "Workshop",
    "build_definitions",
    "build_flow_assets",
    "compare",
    "init",
    "lume_assets",
    "run",
    "run_flow",
    "run_status",
    "runs",
    "upload_file",
]


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How long a function is, less its docstring."""
    docstring = ast.get_docstring(node, clean=False)
    said = len(docstring.splitlines()) if docstring else 0
    return (node.end_lineno or 0) - node.lineno + 1 - said


def commands(group: click.Group, prefix: str = "lume") -> Iterator[str]:
    for name, command in group.commands.items():
        yield f"{prefix} {name}"
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")


def modules_after(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after ``code``."""
    program = f"import sys; {code}; print(*(m.split('.')[0] for m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


def test_the_public_names_are_these():
    assert sorted(lume_dagster.__all__) == PUBLIC_NAMES


def test_every_public_name_can_be_had():
    assert [name for name in PUBLIC_NAMES if not hasattr(lume_dagster, name)] == []


def test_every_module_says_what_it_is_for():
    texts = {name_of(file): file.read_text() for file in FILES}
    assert [f for f, text in texts.items() if text and not ast.get_docstring(ast.parse(text))] == []


def test_the_first_line_of_a_module_is_one_sentence():
    first = {
        name_of(file): (ast.get_docstring(ast.parse(file.read_text())) or ".").splitlines()[0]
        for file in FILES
    }
    assert {f: line for f, line in first.items() if not line.endswith((".", ":"))} == {}


def test_no_file_is_longer_than_a_sitting():
    assert {name_of(f): n for f in FILES if (n := len(f.read_text().splitlines())) > 400} == {}


def test_no_function_is_longer_than_a_screen():
    assert {
        f"{name_of(file)}:{node.name}": n
        for file in FILES
        for node in functions(file)
        if (n := lines_of(node)) > 50
    } == {}


@pytest.mark.parametrize("door", ["lume_dagster", "lume_dagster.cli"])
def test_importing_a_door_is_light(door):
    allowed = {"click"} if door == "lume_dagster.cli" else set()
    assert modules_after(f"import {door}").intersection(HEAVY) <= allowed


def test_no_file_is_in_a_room_that_the_design_does_not_draw():
    rooms = {
        "flows",
        "plan",
        "engines",
        "connectors",
        "runs",
        "orchestration",
        "mapper",
        "server",
        "client",
        "cli",
        "testing",
    }
    there = {
        entry.name for entry in PACKAGE.iterdir() if entry.is_dir() and entry.name != "__pycache__"
    }
    assert there <= rooms


def test_tests_mirror_the_rooms():
    rooms = {entry.name for entry in PACKAGE.iterdir() if entry.is_dir()}
    mirrored = {e.name for e in TESTS.iterdir() if e.is_dir() and e.name != "__pycache__"}
    assert mirrored <= rooms | {"benchmarks", "examples", "laws", "cases", "servers"}


def test_nothing_imports_what_dagster_keeps_private():
    private = re.compile(r"(from|import) dagster(_shared)?\._")
    assert [name_of(f) for f in PACKAGE.rglob("*.py") if private.search(f.read_text())] == []


def test_looking_at_every_public_name_loads_no_engine_and_no_mapper():
    """As Dagster does to find components, in every process of every step."""
    heavy = ["duckdb", "pyarrow", "pandas", "sqlglot", "http.client", "standardwebhooks"]
    heavy += ["lume_dagster.mapper.workshop.documents", "lume_dagster.orchestration.execution"]
    script = "import sys, lume_dagster as l; [getattr(l, name) for name in dir(l)];"
    script += f"print(*[name for name in {heavy} if name in sys.modules])"
    # pyarrow and what it brings may come with Dagster itself
    base = (
        f"import sys, dagster.components; print(*[name for name in {heavy} if name in sys.modules])"
    )
    loaded = [
        set(
            subprocess.run(
                [sys.executable, "-c", c], capture_output=True, text=True, check=True
            ).stdout.split()
        )
        for c in (base, script)
    ]
    assert loaded[1] <= loaded[0]


def test_no_test_patches_sleeps_or_works_on_the_connection_that_all_share():
    of_all = r"duckdb\.(sql|execute|query)"
    banned = re.compile(rf"\b(unittest\.mock|mocker|monkeypatch\.setattr|time\.sleep|{of_all})\b")
    here = Path(__file__)
    assert [
        name_of(f) for f in TESTS.rglob("test_*.py") if f != here and banned.search(f.read_text())
    ] == []


def test_every_raises_says_what_it_expects():
    bare = re.compile(r"pytest\.raises\((?![^)]*match=)[^)]*\)")
    here = Path(__file__)
    assert {
        name_of(file): found
        for file in TESTS.rglob("*.py")
        if file != here and (found := bare.findall(file.read_text()))
    } == {}


@pytest.mark.parametrize("command", sorted(commands(lume)))
def test_every_command_is_documented(command):
    assert f"## {command}\n" in (ROOT / "docs" / "cli.md").read_text()


@pytest.mark.parametrize(
    "error",
    sorted(
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.LumeError)
    ),
)
def test_every_error_class_is_documented(error):
    assert f"`{error}`" in (ROOT / "docs" / "errors.md").read_text()


def test_every_connector_is_documented_and_can_be_loaded():
    for entry in entry_points(group="lume_dagster.connectors"):
        page = ROOT / "docs" / "connectors" / f"{entry.name}.md"
        assert entry.load().__name__ in page.read_text(encoding="utf-8")


def test_the_base_install_stays_small():
    base = {
        re.split(r"[^\w.-]", line)[0]
        for line in requires("lume-dagster") or ()
        if "extra ==" not in line
    }
    wanted = "click dagster duckdb pandas pyarrow pydantic pyyaml requests rich sqlglot"
    assert base == {*wanted.split(), "standardwebhooks"}


def test_no_committed_lock_names_a_registry():
    texts = [file.read_text() for file in (ROOT / "requirements").rglob("*.*")]
    assert not [text for text in texts if re.search(r"https?:|file:|index-url|find-links", text)]


def test_no_published_figure_names_a_path_of_the_machine_it_was_taken_on():
    texts = [(ROOT / "benchmarks" / name).read_text() for name in ("README.md", "figures.json")]
    assert not [
        found for text in texts for found in re.findall(r"(?<![\w.)])/(?!v1/)\w+/[\w./-]+", text)
    ]


def test_the_continuous_integration_calls_make_and_nothing_of_its_own():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    calls = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert all(line.startswith("make ") for line in calls)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_files_of_tests_that_begin_early_are_there():
    named = [name for name in SECONDS if name.endswith(".py")]
    assert [name for name in named if not (TESTS / name).is_file()] == []
