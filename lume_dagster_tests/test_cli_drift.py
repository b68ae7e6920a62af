"""A supplier renames the columns of a file: the run says so, and one command mends the flow."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from lume_dagster.cli import lume
from lume_dagster.orchestration.instance import open_instance

HEADER = "id,Vorname,surname,E-Mail,country_code,joined"


def say(project: Path, *arguments: str):
    return CliRunner().invoke(lume, [*arguments, "--project", str(project)])


@pytest.fixture(scope="module")
def mapped(tmp_path_factory) -> Path:
    """A project that has mapped a batch, and got another one with other headers."""
    folder = tmp_path_factory.mktemp("mapped") / "shop"
    assert CliRunner().invoke(lume, ["init", str(folder)]).exit_code == 0
    rows = (folder / "landing" / "contacts.csv").read_text("utf-8").splitlines()[1:]
    (folder / "landing" / "new.csv").write_text("\n".join([HEADER, *rows]) + "\n", "utf-8")
    (folder / "landing" / "less.csv").write_text("id,first_name,last_name,email,country\n", "utf-8")
    said = say(folder, "run", "contacts", "contacts.csv")
    assert said.exit_code == 0, said.stderr
    return folder


@pytest.fixture
def project(mapped, tmp_path) -> Path:
    """A copy of it."""
    return shutil.copytree(mapped, tmp_path / "shop")


@dataclass(frozen=True)
class Drifted:
    """A project in which the batch with other headers was run, and what was said of it."""

    project: Path
    said: Result


@pytest.fixture(scope="module")
def drifted(mapped, tmp_path_factory) -> Drifted:
    """Tests only look at it."""
    folder = shutil.copytree(mapped, tmp_path_factory.mktemp("drifted") / "shop")
    return Drifted(folder, say(folder, "run", "contacts", "new.csv"))


def test_the_run_says_what_columns_seem_to_be_called_now(drifted):
    said = drifted.said
    assert said.exit_code == 10
    assert "'first_name' seems to be called 'Vorname' now" in said.stderr
    assert "new.csv --write, then lume publish contacts" in said.stderr


def test_a_column_that_is_gone_is_said_to_be_gone(project):
    said = say(project, "drift", "contacts", "less.csv")
    assert said.stdout == "The column 'customer_since' is gone.\n"
    assert say(project, "drift", "contacts", "less.csv", "--write").exit_code == 2


def test_a_title_above_the_header_is_told_by_the_run_and_by_drift(project):
    text = (project / "landing" / "contacts.csv").read_text("utf-8")
    (project / "landing" / "titled.csv").write_text(f"Contacts\nof May\n\n{text}", "utf-8")
    said = say(project, "run", "contacts", "titled.csv")
    assert (
        "Line 4 of titled.csv reads like its header.\nHint: if that is so: say skip_lines: 3"
        in (said.stderr)
    )
    said = say(project, "drift", "contacts", "titled.csv")
    assert said.stdout == (
        "Line 4 of titled.csv reads like its header: skip_lines: 3 under source.format takes it"
        " for that.\nIf that is so: lume drift contacts titled.csv --write\n"
    )
    say(project, "drift", "contacts", "titled.csv", "--write")
    draft = (project / "flows" / "contacts" / "flow.yaml").read_text("utf-8")
    assert "skip_lines: 3" in draft
    assert "also_called" not in draft
    said = say(project, "drift", "contacts:draft", "titled.csv")
    assert said.stdout == "titled.csv has the columns that contacts:v2 knows.\n"


def test_another_file_is_told_so_and_shown_whole_when_asked(project):
    wide = ",".join(f"x{number}" for number in range(12))
    (project / "landing" / "wide.csv").write_text(f"{wide}\n{wide}\n", "utf-8")
    said = say(project, "drift", "contacts", "wide.csv").stdout
    assert said.startswith("This looks like another file: all 6 columns the flow needs")
    assert said.endswith("All of them: lume drift contacts wide.csv --all\n")
    assert "'x11'" not in said
    assert "'x11'" in say(project, "drift", "contacts", "wide.csv", "--all").stdout
    said = say(project, "run", "contacts", "wide.csv")
    assert "Hint: look whether it is the right file; lume drift contacts" in said.stderr


def test_a_batch_as_the_flow_knows_it_has_no_drift(project):
    said = say(project, "drift", "contacts", "contacts.csv")
    assert said.stdout == "contacts.csv has the columns that contacts:v1 knows.\n"


def test_the_new_names_are_written_published_and_mapped(project):
    said = say(project, "drift", "contacts", "new.csv", "--write", "--json")
    assert {r["before"]: r["after"] for r in json.loads(said.stdout)["renamed"]} == {
        "email": "E-Mail",
        "first_name": "Vorname",
        "last_name": "surname",
        "country": "country_code",
        "customer_since": "joined",
    }
    assert say(project, "publish", "contacts", "--activate").exit_code == 0
    before, after = (
        json.loads(say(project, "run", "contacts", batch, "--json").stdout)["metrics"]["row_counts"]
        for batch in ("contacts.csv", "new.csv")
    )
    assert before == after
    assert before["mapped"] > 0


def test_the_check_of_the_columns_carries_the_proposal(drifted):
    with open_instance(drifted.project / ".lume") as instance:
        key = dg.AssetCheckKey(dg.AssetKey(["lume", "contacts", "v1", "source"]), "schema_contract")
        last = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)[0]
    metadata = last.event.asset_check_evaluation.metadata
    assert metadata["columns_missing"].value == 5
    assert "- 'first_name' seems to be called 'Vorname' now" in metadata["proposal"].value


@pytest.fixture(scope="module")
def written_in_two_ways(mapped, tmp_path_factory) -> Path:
    """A project with two batches of the same people, with their dates written in two ways."""
    project = shutil.copytree(mapped, tmp_path_factory.mktemp("ways") / "shop")
    for name, written in (("iso.csv", "2024-{m:02}-{d}"), ("points.csv", "{d}.{m:02}.2024")):
        rows = [
            f"{m},Ann,Lee{m},a{m}@example.com,PL,{written.format(m=m, d=m + 12)}"
            for m in range(1, 13)
        ]
        header = "id,first_name,last_name,email,country,customer_since"
        (project / "landing" / name).write_text("\n".join([header, *rows]) + "\n", "utf-8")
    accepted = say(project, "drift", "contacts", "iso.csv", "--accept")
    assert "How the values look is kept in" in accepted.stdout, accepted.stderr
    return project


@pytest.fixture
def two_ways(written_in_two_ways, tmp_path) -> Path:
    """A copy of it."""
    return shutil.copytree(written_in_two_ways, tmp_path / "shop")


def test_values_that_are_written_otherwise_are_told_mended_and_mapped(two_ways):
    project = two_ways
    said = say(project, "drift", "contacts", "points.csv", "--write")
    assert "customer_since:" in said.stdout
    assert "are written 9.9.9999 (before: 9999-9-9)" in said.stdout
    assert "'%Y-%m-%d', '%d.%m.%Y') reads 100% of them" in said.stdout
    assert say(project, "publish", "contacts", "--activate").exit_code == 0
    before, after = (
        json.loads(say(project, "run", "contacts", batch, "--json").stdout)["metrics"]["row_counts"]
        for batch in ("iso.csv", "points.csv")
    )
    assert before == after
    assert after["mapped"] == 12


def test_the_check_of_the_columns_warns_of_values_and_lets_the_batch_pass(two_ways):
    say(two_ways, "run", "contacts", "points.csv")
    with open_instance(two_ways / ".lume") as instance:
        key = dg.AssetCheckKey(dg.AssetKey(["lume", "contacts", "v1", "source"]), "schema_contract")
        last = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)[0]
    evaluation = last.event.asset_check_evaluation
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert evaluation.metadata["shapes_changed"].value == 1
    assert "- customer_since: 100%" in evaluation.metadata["shapes"].value
    assert evaluation.metadata["columns_missing"].value == 0


def test_what_keep_values_keeps_must_be_asked_for(two_ways):
    assert say(two_ways, "drift", "contacts", "contacts.csv", "--keep-values").exit_code == 2
    kept = two_ways / "flows" / "contacts" / "shapes.yaml"
    assert "values:" not in kept.read_text("utf-8")
    say(two_ways, "drift", "contacts", "iso.csv", "--accept", "--keep-values")
    assert "values: [PL]" in kept.read_text("utf-8")
