"""The README and the tutorial do what they show, links lead somewhere, made pages are current."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from docs.generate import PAGES
from lume_dagster_tests import here
from lume_dagster_tests.servers.fleet import NOT_RUN
from lume_dagster_tests.servers.lume_serve import serving
from lume_dagster_tests.servers.process import free_port

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
TEXTS = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:\s]+)(#[^)\s]*)?\)")
OURS = re.compile(r"lume [^|&;<>$`*?#\\]+")  # nothing that only a shell understands
PYTHON = re.compile(r"python (-W ignore )?(\w+\.py|-c \"[^\"$`\\]+\")")
SECONDS = 600  # of a busy machine
Say = Callable[[list[str] | str, Path], str]


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file it is when the fence says so, and its text."""

    language: str
    title: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    for language, rest, text in FENCE.findall(page.read_text(encoding="utf-8")):
        yield Block(language, rest.strip().removeprefix("title="), text)


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with the output that the page shows."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def looks_like(shown: str, printed: str) -> bool:
    """Whether the output is what the page shows, where ``...`` stands for anything."""
    pattern = ".*?".join(re.escape(part) for part in squeeze(shown).split("..."))
    return re.fullmatch(pattern, squeeze(printed), flags=re.DOTALL) is not None


def squeeze(text: str) -> str:
    return "\n".join(re.sub(r"\s+", " ", line).strip() for line in text.strip().splitlines())


def surroundings() -> dict[str, str]:
    """The environment of a person who follows a page."""
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith(("LUME_", "DAGSTER_"))},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "100",
    }


def execute(argv: list[str] | str, folder: Path) -> str:
    done = subprocess.run(
        argv, shell=isinstance(argv, str), cwd=folder, env=surroundings(), timeout=SECONDS,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    return done.stdout


def say(command: list[str] | str, folder: Path) -> str:
    """A command in a shell; a plain one of ours, or of Python, in this process."""
    if isinstance(command, list):
        return here.python(command[1:], folder, surroundings())
    if OURS.fullmatch(command.strip()):
        return here.lume(shlex.split(command)[1:], folder, surroundings())
    if PYTHON.fullmatch(command.strip()):
        return here.python(shlex.split(command)[1:], folder, surroundings())
    return execute(command, folder)


def follow(page: Path, folder: Path, say: Say = say) -> None:
    """Do what a page says, from top to bottom, in one folder."""
    for block in blocks(page):
        if block.title:
            (folder / block.title).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "console":
            folder = follow_console(block, folder, say)
        elif block.language == "python":
            printed = say([sys.executable, "-c", block.text], folder)
            assert "Traceback" not in printed, printed


def follow_console(block: Block, folder: Path, say: Say) -> Path:
    for command, shown in commands(block):
        if command.startswith("cd "):
            folder /= shlex.split(command)[1]
            continue
        printed = say(command, folder)
        assert looks_like(shown, printed), f"$ {command}\n{printed}\n--- the page shows:\n{shown}"
    return folder


def test_the_page_on_components_does_what_it_shows(tmp_path):
    follow(DOCS / "components.md", tmp_path)


def test_the_page_on_the_client_does_what_it_shows(tmp_path):
    """From its heading on, on another machine; the project is that of the part before."""
    text = (DOCS / "client.md").read_text(encoding="utf-8")
    before, heading, after = text.partition("## From another machine\n")
    pages = {tmp_path / "before.md": before, tmp_path / "after.md": heading + after}
    for page, part in pages.items():
        page.write_text(part, encoding="utf-8")
    (machine := tmp_path / "machine").mkdir()
    follow(tmp_path / "before.md", tmp_path)
    with serving(tmp_path / "shop", name="reports") as server:
        variables = {**surroundings(), **server.variables()}
        follow(tmp_path / "after.md", machine, lambda c, at: here.python(c[1:], at, variables))
    assert (machine / "out" / "mapped" / "part-0000.csv").is_file()


def test_the_page_on_operations_does_what_it_shows(tmp_path):
    follow(DOCS / "operations.md", tmp_path)


def test_the_page_on_the_mapper_does_what_it_shows(tmp_path):
    follow(DOCS / "mapper.md", tmp_path)


def test_the_page_on_models_does_what_it_shows(tmp_path):
    follow(DOCS / "mapper-models.md", tmp_path)


def test_the_page_on_workshops_does_what_it_shows(tmp_path):
    follow(DOCS / "workshop.md", tmp_path)


def test_the_page_on_deployment_does_what_it_shows(tmp_path):
    (tmp_path / "flows").mkdir()
    follow(DOCS / "deployment.md", tmp_path)


@pytest.mark.optional_server
def test_the_page_on_the_http_api_does_what_it_shows(tmp_path):
    if shutil.which("curl") is None:
        pytest.skip(f"{NOT_RUN}: no curl on the PATH")
    port = str(free_port())

    def there(command: list[str] | str, folder: Path) -> str:
        """On a port that no other test has."""
        if isinstance(command, list):
            return say([word.replace("3030", port) for word in command], folder)
        return execute(command.replace("3030", port), folder).replace(port, "3030")

    try:
        follow(DOCS / "http-api.md", tmp_path, there)
    finally:
        with suppress(OSError, ValueError):  # the page has ended it, or never began it
            os.kill(int((tmp_path / "shop/serve.pid").read_text()), signal.SIGKILL)


def test_the_tutorial_does_what_it_shows_each_command_in_its_own_process(tmp_path):
    follow(DOCS / "tutorial.md", tmp_path, execute)


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_made_page_is_current(page):
    assert (DOCS / page).read_text(encoding="utf-8") == PAGES[page](), "run: make docs"


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    targets = {target for target, _ in LINK.findall(page.read_text(encoding="utf-8"))}
    assert {t for t in targets if not (page.parent / t).exists()} == set()


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_that_is_named_exists(page):
    there = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = re.findall(r"(?:`|\$ )make ([a-z ]+)", page.read_text(encoding="utf-8"))
    assert {word for words in named for word in words.split()} <= there


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", DOCS / "tutorial.md"], ids=["readme", "tutorial"]
)
def test_every_verb_that_is_named_exists(page):
    from lume_dagster.cli import lume

    named = set(re.findall(r"(?:`|\$ )lume ([a-z]+)", page.read_text(encoding="utf-8")))
    assert named <= set(lume.commands)


def test_the_demo_prints_what_the_readme_shows(demo):
    shown = next(block for block in blocks(ROOT / "README.md") if block.language == "text")
    assert looks_like(shown.text, demo.printed), demo.printed


def test_the_readme_shows_the_flow_that_runs():
    shown = next(block for block in blocks(ROOT / "README.md") if block.language == "yaml")
    published = ROOT / "examples" / "flows" / "flights" / "v1" / "flow.yaml"
    assert shown.text in published.read_text(encoding="utf-8")


def test_the_readme_runs_from_python(demo, tmp_path):
    project = shutil.copytree(demo.project, tmp_path / "demo")
    shown = next(block for block in blocks(ROOT / "README.md") if block.language == "python")
    printed = execute([sys.executable, "-c", shown.text], project)
    assert printed.startswith(
        "PARTIAL_FAILED RowCounts(input=336776, mapped=320949, rejects=15827)"
    )
    assert (project / "rejects" / "rejects" / "part-0000.csv").is_file()


def test_what_the_page_shows_is_really_compared(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```console\n$ echo one two\none ...\n$ echo three\nfour\n```\n")
    with pytest.raises(AssertionError, match="echo three"):
        follow(page, tmp_path)
