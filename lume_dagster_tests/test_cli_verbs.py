"""Each verb of the shell on a project that `lume init` wrote."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lume_dagster.cli import lume

FLOW = Path("flows", "contacts", "flow.yaml")


def say(project: Path, *arguments: str) -> Result:
    """Call the command as a person does who stands in the project."""
    return CliRunner().invoke(lume, [*arguments, "--project", str(project)])


def answer(project: Path, *arguments: str):
    """What a script reads."""
    said = say(project, *arguments, "--json")
    assert said.exit_code == 0, said.stderr
    return json.loads(said.stdout)


def landed(project: Path, name: str = "contacts.csv") -> str:
    """The name of a batch in the landing folder."""
    return (project / "landing" / name).as_uri()


def edit(project: Path, before: str, after: str) -> None:
    text = (project / FLOW).read_text(encoding="utf-8")
    assert before in text
    (project / FLOW).write_text(text.replace(before, after), encoding="utf-8")


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> Path:
    """A project whose sample data was mapped; tests only look at it."""
    project = tmp_path_factory.mktemp("cli") / "shop"
    assert CliRunner().invoke(lume, ["init", str(project)]).exit_code == 0
    said = say(project, "run", "contacts", "contacts.csv", "--metadata", "by=test")
    assert said.exit_code == 0, said.stderr
    return project


@pytest.fixture
def project(ran, tmp_path) -> Path:
    """The same project without the run, for a test that changes it."""
    copy = tmp_path / "shop"
    shutil.copytree(ran, copy, ignore=shutil.ignore_patterns(".lume", "__pycache__"))
    return copy


def test_init_refuses_to_overwrite(project):
    said = CliRunner().invoke(lume, ["init", str(project)])
    assert said.exit_code == 2
    assert "already has .gitignore, README.md" in said.stderr


def test_status_is_that_of_the_last_run(ran):
    found = answer(ran, "status")
    assert (found["status"], found["flow_version"]) == ("PARTIAL_FAILED", "contacts:v1")
    assert found["metrics"]["row_counts"] == {"input": 6, "mapped": 3, "rejects": 3}
    assert found["metadata"]["run"]["run_metadata"] == {"by": "test"}


def test_status_tells_a_person_where_the_rows_are(ran):
    said = say(ran, "status").stdout
    assert f"PARTIAL_FAILED  contacts:v1 on {landed(ran)}" in said
    assert "3 mapped    in warehouse.crm.contacts\n" in said
    assert "1  LOOKUP_NOT_FOUND" in said


def test_an_unknown_run_is_a_sentence(ran):
    said = say(ran, "status", "run_nope")
    assert said.exit_code == 2
    assert "Error: There is no run run_nope." in said.stderr


@pytest.mark.parametrize(
    ("flow", "runs"), [("contacts", 1), ("contacts:v1", 1), ("contacts:v2", 0)]
)
def test_runs_are_listed_by_flow_or_version(ran, flow, runs):
    assert len(answer(ran, "runs", "--flow", flow)) == runs


def test_a_batch_that_is_done_is_refused(ran):
    said = say(ran, "run", "contacts", "contacts.csv")
    assert said.exit_code == 2
    assert f"Batch {landed(ran)} is done under contacts:v1." in said.stderr


def test_rejects_carry_every_reason_and_the_original(ran):
    first, *_ = answer(ran, "rejects")
    assert [error["code"] for error in first["errors"]] == [
        "LOOKUP_NOT_FOUND",
        "INVALID_DATE_FORMAT",
    ]
    assert first["original"]["customer_since"] == "2021-02-29"


def test_rejects_are_said_in_words(ran):
    said = say(ran, "rejects", "--limit", "1").stdout
    assert "row 4 of contacts.csv\n  country 'XX' is not in the seed countries" in said
    assert "and 2 more rejects: lume download run_" in said


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (("--code", "LOOKUP_NOT_FOUND"), [4]),
        (("--field", "email"), [5]),
        (("--code", "INVALID_FORMAT", "--field", "since"), []),
    ],
)
def test_rejects_are_found_by_code_and_field(ran, options, ids):
    found = answer(ran, "rejects", "list", "last", *options)
    assert [row["_lume_row"] for row in found] == ids


def test_rejects_are_saved_repaired_and_resubmitted(project, tmp_path):
    """The verbs as a person uses them: the file is shaped like the source."""
    assert say(project, "run", "contacts", "contacts.csv").exit_code == 0
    file = tmp_path / "repaired.csv"
    said = say(project, "rejects", "--save", str(file), "--field", "email")
    assert said.stdout.endswith(f"lume rejects resubmit {file}\n")
    header, row = file.read_text(encoding="utf-8").splitlines()
    assert header.startswith("id,first_name,last_name,email,")
    assert header.endswith(",_lume_row,_lume_reasons,_lume_run_id")
    assert "email 'emile at example.fr' is not an email [INVALID_FORMAT]" in row
    file.write_text(f"{header}\n{row.replace('emile at ', 'emile@', 1)}\n", encoding="utf-8")
    # Another run is the last one now; whose rejects these are, the file says.
    assert say(project, "run", "contacts", "contacts.csv", "--force-rerun").exit_code == 0
    ended = say(project, "rejects", "resubmit", str(file))
    assert "was read anew by run_" in ended.stderr
    say(project, "rejects", "--save", str(file), "--field", "email")
    text = file.read_text(encoding="utf-8").replace("emile at ", "emile@", 1)
    file.write_text(text, encoding="utf-8")
    assert say(project, "run", "contacts", "gone.csv").exit_code == 10
    assert "has mapped no row. Why: lume status run_" in say(project, "rejects").stdout
    again = answer(project, "rejects", "resubmit", str(file), "--metadata", "by=hand")
    assert again["metrics"]["row_counts"] == {"input": 6, "mapped": 4, "rejects": 2}
    assert again["metadata"]["run"]["run_metadata"] == {"by": "hand"}
    first = again["metadata"]["run"]["resubmits"]
    twice = say(project, "rejects", "resubmit", str(file), "--run", first)
    assert twice.exit_code == 2
    assert "are in the target since" in twice.stderr


def test_a_record_that_could_not_be_split_speaks_for_itself(project):
    (project / "landing" / "torn.csv").write_text(
        (project / "landing" / "contacts.csv").read_text("utf-8") + "7,Gus\n", "utf-8"
    )
    assert "4 of 7 rows were rejected" in say(project, "run", "contacts", "torn.csv").stderr
    said = say(project, "rejects", "--code", "MALFORMED_RECORD").stdout
    assert "row 7 of torn.csv\n  expected 6 columns, found 2 [MALFORMED_RECORD]\n" in said
    assert "  was: 7,Gus\n" in said


def test_a_file_that_names_no_run_or_two_is_sent_back_with_the_runs_it_may_be_of(ran, tmp_path):
    file = tmp_path / "repaired.csv"
    file.write_text("id,email,_lume_row\n5,e@f.fr,5\n", encoding="utf-8")
    said = say(ran, "rejects", "resubmit", str(file))
    assert said.exit_code == 2
    assert "repaired.csv does not say which run's rejects it holds: it has no" in said.stderr
    assert re.search(r"--run; it may be run_[-\w]+ \(contacts:v1 on contacts\.csv\)$", said.stderr)
    file.write_text("id,_lume_row,_lume_run_id\n5,5,run_a\n4,4,run_b\n", encoding="utf-8")
    said = say(ran, "rejects", "resubmit", str(file))
    assert "repaired.csv holds rejects of 2 runs: run_a, run_b." in said.stderr
    said = say(ran, "rejects", "resubmit", str(tmp_path / "gone.csv"))
    assert "There is no file" in said.stderr


def test_rejects_cannot_be_saved_as_anything_else(ran, tmp_path):
    said = say(ran, "rejects", "--save", str(tmp_path / "rejects.xlsx"))
    assert (said.exit_code, "Rejects cannot be saved as '.xlsx'" in said.stderr) == (2, True)


@pytest.mark.parametrize(("form", "only"), [("csv", None), ("json", "rejects"), ("csv", "mapped")])
def test_download_writes_what_was_asked_for(ran, tmp_path, form, only):
    chosen = ["--only", only] if only else []
    written = answer(ran, "download", "last", str(tmp_path / "out"), "--format", form, *chosen)[
        "files"
    ]
    names = {str(Path(file).relative_to(tmp_path / "out")) for file in written}
    rows = {f"{part}/part-0000.{form}" for part in ("mapped", "rejects") if only in (None, part)}
    assert names == (rows if only else rows | {"metrics.json", "validation_results.json"})


def test_partitions_are_the_batches_that_dagster_knows(ran):
    assert answer(ran, "partitions", "list", "contacts") == [landed(ran)]
    assert answer(ran, "partitions", "contacts") == [landed(ran)]


def test_a_partition_is_added_once(project):
    assert answer(project, "partitions", "add", "contacts", "a.csv", "b.csv", "a.csv") == [
        landed(project, "a.csv"),
        landed(project, "b.csv"),
    ]
    assert answer(project, "partitions", "add", "contacts", "b.csv") == []


def test_a_partition_that_cannot_be_a_batch_is_refused(project):
    said = say(project, "partitions", "add", "contacts", "a\tb.csv")
    assert said.exit_code == 2
    assert "contains a control character" in said.stderr


def test_a_draft_is_tried_without_touching_the_target(project):
    edit(project, "name: trim(first_name || ' ' || last_name)", "name: upper(last_name)")
    tried = answer(project, "run", "contacts:draft", "contacts.csv", "--dry-run", "4")
    assert [row["name"] for row in tried["mapped"]] == ["KOWALSKA", "SCHÄFER", "LEVI"]
    assert [row["_lume_row"] for row in tried["rejects"]] == [4]
    assert not (project / ".lume" / "warehouse.duckdb").exists()


def test_validate_finds_every_error_at_once(project):
    edit(project, "connector: landing", "connector: landed")
    edit(project, "trim(first_name", "trimm(first_name")
    edit(project, "lookup('countries'", "lookup('country'")
    said = say(project, "validate")
    assert said.exit_code == 3
    places = [line for line in said.stderr.splitlines() if line.startswith("- ")]
    file = project / FLOW
    assert [place.partition(": ")[0] for place in places] == [
        f"- {file}:6:10",
        f"- {file}:21:3",
        f"- {file}:23:3",
    ]
    assert said.stderr.count("Hint: ") == 3


def test_validate_of_a_good_project_says_so(project):
    assert say(project, "validate").stdout == "1 draft and 1 published version: nothing wrong.\n"


def test_validate_refuses_a_name_that_is_no_flow(project):
    said = say(project, "validate", "contact")
    assert said.exit_code == 2
    assert "did you mean 'contacts'?" in said.stderr


def test_a_change_is_published_compared_activated_and_taken_back(project):
    edit(project, "email: lower(email)", "email: lower(trim(email))")
    note = ["--note", "blanks in addresses", "--author", "Ada"]
    assert answer(project, "publish", "contacts", *note)["published"] == "contacts:v2"
    (change,) = answer(project, "diff", "contacts:v1", "contacts:v2")
    assert (change["path"], change["after"]) == ("mapping.email", "lower(trim(email))")
    assert answer(project, "activate", "contacts:v2")["before"] == 1
    assert answer(project, "rollback", "contacts", "--note", "not yet")["after"] == 1
    said = say(project, "rollback", "contacts")
    assert said.exit_code == 2
    assert "contacts has stood for no other version before." in said.stderr
    assert "there is no flow 'contact'" in say(project, "rollback", "contact").stderr
    second = answer(project, "versions", "contacts")[1]
    assert (second["version"], second["author"], second["active"]) == ("contacts:v2", "Ada", False)


def test_a_draft_is_compared_with_a_version_on_a_batch_before_it_is_published(project):
    edit(project, "email: lower(email)", "email: upper(email)")
    edit(project, "upper(country), 'name')", "reverse(country), 'name')")
    drafted = ("diff", "contacts:v1", "contacts:draft", "--on", "contacts.csv")
    found = answer(project, *drafted)
    assert found["input_rows"] == 6
    assert (found["before"]["mapped_rows"], found["after"]["mapped_rows"]) == (3, 0)
    assert found["rows"]["now_rejected"] == 3
    assert (found["before"]["version"], found["after"]["version"]) == (
        "contacts:v1",
        "contacts:draft",
    )
    said = say(project, *drafted, "--exit-code")
    assert said.exit_code == 1
    assert "3 rows mapped before, rejected now\n" in said.stdout
    assert "is not in the seed countries [LOOKUP_NOT_FOUND]" in said.stdout
    assert not (project / ".lume" / "output").exists()


def test_a_version_is_no_different_from_itself(project):
    same = (
        "diff",
        "contacts:v1",
        "contacts:v1",
        "--on",
        "contacts.csv",
        "--rows",
        "2",
        "--exit-code",
    )
    said = say(project, *same)
    assert said.exit_code == 0, said.stderr
    assert "contacts.csv, 2 rows:\n" in said.stdout
    assert said.stdout.endswith("Every row comes out the same.\n")


def test_rows_are_compared_on_a_batch(project):
    said = say(project, "diff", "contacts:v1", "contacts:v1", "--exit-code")
    assert said.exit_code == 2
    assert "no batch is named.\nHint: name one with --on" in said.stderr


def test_a_draft_with_an_error_is_not_published(project):
    edit(project, "lookup('countries'", "lookup('country'")
    said = say(project, "publish", "contacts")
    assert said.exit_code == 3
    assert "the flow has no seed 'country'" in said.stderr
    assert len(answer(project, "versions")) == 1


def test_a_changed_version_is_refused_by_name(project):
    seed = project / "flows" / "contacts" / "v1" / "seeds" / "countries.csv"
    seed.write_text(seed.read_text() + "XX,Nowhere\n")
    said = say(project, "run", "contacts", "contacts.csv")
    assert said.exit_code == 3
    assert "contacts:v1 is not what was published" in said.stderr
    assert "the seed seeds/countries.csv changed" in said.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("run", "nope", "contacts.csv"), 2, "there is no flow 'nope'"),
        (("run", "contacts:v9", "contacts.csv"), 2, "contacts has no version 'v9'"),
        (("run", "contacts", "nope.csv", "--dry-run", "1"), 5, "There is no file nope.csv"),
        (("cancel", "run_nope"), 2, "There is no run run_nope"),
        (("diff", "contacts:v1", "contacts:v7"), 2, "contacts has no version 'v7'"),
    ],
    ids=["flow", "version", "file", "run", "diff"],
)
def test_what_does_not_exist_is_said_in_a_sentence(project, arguments, code, sentence):
    said = say(project, *arguments)
    assert (said.exit_code, sentence in said.stderr) == (code, True), said.stderr


def test_a_folder_that_is_no_project_is_said_in_a_sentence(tmp_path):
    said = say(tmp_path, "runs")
    assert said.exit_code == 2
    assert "is no project: it has no definitions.py." in said.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell):
    said = CliRunner().invoke(lume, ["completion", shell])
    assert "_LUME_COMPLETE" in said.stdout


def test_connectors_are_listed_with_what_they_can_be(project):
    found = {one["name"]: one for one in answer(project, "connect", "list")}
    assert found["landing"]["roles"] == ["files", "target", "IO manager"]
    assert found["warehouse"]["kind"] == "duckdb"
    assert found["warehouse"]["flows"] == ["contacts"]
    assert "queries, target, IO manager  contacts" in say(project, "connect", "list").stdout
    assert "DuckDBConnector" in answer(project, "connect", "list", "--kinds")["duckdb"]


def test_a_connector_is_tried_out_in_sentences(project):
    said = say(project, "connect", "test", "warehouse")
    assert said.exit_code == 0, said.stderr
    assert said.stdout.splitlines()[-2:] == [
        "The flow contacts may write into crm.contacts.",
        "warehouse works.",
    ]


def test_a_connector_that_does_not_work_says_what_is_missing(project):
    shutil.rmtree(project / "landing")
    said = say(project, "connect", "test", "landing")
    assert said.exit_code == 6
    assert "is not a folder" in said.stderr
    told = say(project, "connect", "test", "landing", "--json")
    value = json.loads(told.stdout)
    assert (told.exit_code, value["works"], value["error"]) == (6, False, "ConnectorError")


def test_a_connector_that_does_not_answer_is_given_up(project):
    slow = """
class Slow(LocalFilesConnector):
    def test(self):
        import threading
        while not Path(self.root, "given up").exists():
            threading.Event().wait(0.01)
        yield "never."
"""
    file = project / "definitions.py"
    text = file.read_text().replace("HERE = ", f"{slow}\nHERE = ", 1)
    file.write_text(text.replace("connectors={", 'connectors={"slow": Slow(root=str(HERE)),'))
    said = say(project, "connect", "test", "slow", "--timeout", "0.05")
    assert said.exit_code == 6
    assert "did not answer within 0.05 seconds" in said.stderr
    (project / "given up").touch()


def test_an_unknown_connector_is_answered_with_the_nearest(project):
    said = say(project, "connect", "test", "warehose")
    assert said.exit_code == 2
    assert "did you mean 'warehouse'?" in said.stderr
