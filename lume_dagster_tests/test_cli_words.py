"""What the shell says of values, failed runs and refusals: no more and no less than is so."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from lume_dagster.cli import lume
from lume_dagster.cli.shell import Shell, exactly, in_the_shell
from lume_dagster.cli.telling import tell_runs
from lume_dagster_tests.test_cli_verbs import edit, say

FLOAT = ('since: {type: [string, "null"], format: date}', "since: {type: number}")


@pytest.fixture
def project(tmp_path) -> Path:
    """A project that `lume init` wrote."""
    assert CliRunner().invoke(lume, ["init", str(tmp_path / "shop")]).exit_code == 0
    return tmp_path / "shop"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2500.75, "2500.75"),
        (1000.0, "1000"),
        (1234567, "1234567"),
        (0.1, "0.1"),
        (True, "true"),
        (None, ""),
        ("1,5", "1,5"),
        ([{"sku": "ä", "qty": 1.5}], '[{"sku": "ä", "qty": 1.5}]'),
    ],
)
def test_a_value_of_the_data_is_shown_with_every_digit(value, shown):
    assert exactly(value) == shown


def test_a_dry_run_rounds_nothing(project):
    edit(project, *FLOAT)
    edit(project, "since: customer_since", "since: id::DOUBLE * 1250.375")
    said = say(project, "run", "contacts:draft", "contacts.csv", "--dry-run", "2")
    assert "since: 2500.75" in said.stdout
    assert "since: 1250.375" in said.stdout


def test_the_status_of_a_failed_run_says_why_and_what_to_do(project):
    assert say(project, "run", "contacts", "contcats.csv").exit_code != 0
    said = say(project, "status")
    assert said.exit_code == 0
    assert "Error: There is no file contcats.csv below" in said.stdout
    assert "Hint: did you mean 'contacts.csv'?" in said.stdout
    refused = say(project, "cancel", "last")
    assert refused.exit_code == 2
    assert "has ended; there is nothing to cancel." in refused.stderr


@pytest.mark.parametrize(
    ("hint", "typed"),
    [
        ("force_rerun=True runs it again.", "--force-rerun runs it again."),
        ("run it with force_rerun.", "run it with --force-rerun."),
        ("say which, such as source_path='a.csv'", "say which, such as --batch 'a.csv'"),
        ("nothing of the kind.", "nothing of the kind."),
    ],
)
def test_hints_name_the_option_that_a_person_types(hint, typed):
    assert in_the_shell(hint) == typed


def with_webhook(project, secret):
    definitions = project / "definitions.py"
    text = definitions.read_text(encoding="utf-8")
    webhook = f'lume.Webhook(name="ops", url="http://127.0.0.1:9/x", secrets=({secret},))'
    text = text.replace("    data=HERE", f"    webhooks=[{webhook}],\n    data=HERE")
    imports = "import dagster as dg\nimport lume_dagster as lume\n"
    definitions.write_text(imports + text, encoding="utf-8")


def test_a_webhook_whose_secret_is_too_short_is_refused_where_it_is_defined(project):
    with_webhook(project, '"too-short"')
    said = say(project, "webhooks", "list")
    assert (said.exit_code, said.stdout) == (2, "")
    assert "A secret of webhook ops has 9 bytes." in said.stderr
    assert "Hint: use 16 at least" in said.stderr


def test_a_webhook_that_was_not_reached_is_explained_once(project, monkeypatch):
    monkeypatch.setenv("OPS_SECRET", "too-short")
    with_webhook(project, 'dg.EnvVar("OPS_SECRET")')
    said = say(project, "webhooks", "test", "ops", "--json")
    assert json.loads(said.stdout)["delivered"] is False
    told = json.loads(said.stderr)
    assert told["message"].startswith("The webhook ops did not take the message: A secret of")
    assert "\n" not in told["message"]
    assert told["hint"] == "use 16 at least"


def test_a_variable_that_is_not_set_is_named_before_a_run_is_made(project):
    definitions = project / "definitions.py"
    text = definitions.read_text(encoding="utf-8")
    path = 'path=str(HERE / ".lume" / "warehouse.duckdb")'
    assert path in text
    text = text.replace(path, 'path=dg.EnvVar("NO_SUCH_VARIABLE")')
    definitions.write_text(
        text.replace('"""\n', '"""\n\nimport dagster as dg\n', 1), encoding="utf-8"
    )
    said = say(project, "run", "contacts", "contacts.csv")
    assert said.exit_code == 6
    assert said.stderr.startswith("Error: The environment variable NO_SUCH_VARIABLE is not set")
    assert "Hint: export NO_SUCH_VARIABLE=..." in said.stderr
    assert "No run yet." in say(project, "runs").stdout


class Watched(Shell):
    """A shell that a person looks at."""

    is_watched = True


@pytest.mark.parametrize("columns", [80, 160])
def test_the_id_of_a_run_stands_in_one_piece_on_any_screen(columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    run = SimpleNamespace(
        id="run_4f3538c9-8e3b-5d2a-bc3f-c8fd4919f2d2",
        status="PARTIAL_FAILED",
        flow_version="contacts:v1",
        source_path="file:///data/landing/contacts.csv",
        created_at=datetime(2024, 2, 29, tzinfo=UTC),
    )
    tell_runs(Watched(json=False), [run])
    told = capsys.readouterr().out
    assert all(word in told for word in (run.id, run.status, run.source_path))
    assert max(map(len, told.splitlines())) <= columns


def test_to_activate_what_is_active_moves_nothing_and_says_so(project):
    assert say(project, "activate", "contacts:v1").stdout == "contacts stands for v1, as it did.\n"
    edit(project, "email: lower(email)", "email: email")
    assert say(project, "publish", "contacts", "--activate").exit_code == 0
    assert say(project, "activate", "contacts:v1").stdout == "contacts stands for v1; before: v2.\n"
    assert "(--force)" in say(project, "publish", "contacts").stderr


def test_an_unknown_flow_is_not_activated(project):
    said = say(project, "activate", "contcats:v1")
    assert said.exit_code == 2
    assert "did you mean 'contacts'?" in said.stderr
