"""A new process in an empty folder, with an address and a key and nothing else, does all there is."""

from __future__ import annotations

import json

import pytest

from lume_dagster import client
from lume_dagster.flows.library import Library
from lume_dagster.orchestration.project import load_project
from lume_dagster_tests.servers.lume_serve import elsewhere

LIFE = """
import json, sys, time
from pathlib import Path
import lume_dagster as lume

told = {}
began = time.monotonic()
run = lume.run("contacts:v1", "life.csv", run_metadata={"triggered_by": "cron"})
told["seconds"] = time.monotonic() - began
told["id"], told["first"] = run.id, str(run.status)
try:
    run.wait(timeout=0)
except TimeoutError as error:
    told["too_soon"] = [type(error).__name__, error.run.id]
told["waited"] = run.wait() is run
told["status"], told["rejected"] = str(run.status), run.metrics.row_counts.rejects
told["metadata"] = dict(run.metadata)
told["all"] = [str(path) for path in run.download_all("all")]
told["mapped"] = [str(path) for path in run.download_mapped("mapped", "json")]
told["rejects"] = [str(path) for path in run.download_rejects("rejects")]
try:
    lume.run("contacts:v1", "life.csv")
except lume.InvalidRequestError as error:
    told["again"] = [type(error).__name__, error.message, error.hint, error.run_id]
for flow in ("nope:v9", "contacts:v9"):
    try:
        lume.run(flow, "never.csv")
    except lume.InvalidRequestError as error:
        told[flow] = [type(error).__name__, error.message]
told["never"] = len(lume.runs(source_path="never.csv"))
forced = lume.run("contacts:v1", "life.csv", force_rerun=True).wait()
told["forced"] = [forced.id, str(forced.status)]

repaired = forced.save_rejects("repaired.csv")
text = repaired.read_text(encoding="utf-8")
repaired.write_text(text.replace("XX,2021-02-29", "DE,2021-02-28"), encoding="utf-8")
joined = forced.resubmit(repaired, run_metadata={"by": "hand"}).wait()
told["joined"] = [joined.metadata["row_counts"], joined.metadata["run"]["resubmits"]]
told["by"] = joined.metadata["run"]["run_metadata"]

Path("mine.csv").write_text(
    "id,first_name,last_name,email,country,customer_since\\n"
    "90,Ada,Mine,ada@example.com,PL,2020-01-01\\n",
    encoding="utf-8",
)
Path("countries.csv").write_text("code,name\\nPL,Polska\\n", encoding="utf-8")
name = lume.upload_file("mine.csv")
told["upload"] = name
told["uploaded"] = str(lume.run("contacts", name).wait().status)
seeded = lume.run("contacts:v1", input_files=["mine.csv"], seed_files=["countries.csv"]).wait()
(mapped,) = seeded.download_mapped("seeded")
told["seeded"] = mapped.read_text(encoding="utf-8")

told["listed"] = [one.id for one in lume.runs(flow="contacts", status=["partial_failed"], limit=2)]
told["seen"] = repr(lume.run_status(forced.id))
told["loaded"] = sorted({"dagster", "duckdb", "pyarrow", "pandas"} & set(sys.modules))
told["here"] = sorted(path.name for path in Path().iterdir())
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    return tmp_path_factory.mktemp("machine")


@pytest.fixture(scope="module")
def life(served, machine):
    """What happened to a batch and its rejects, as another machine saw it."""
    sample = (served.project / "landing" / "contacts.csv").read_text("utf-8")
    (served.project / "landing" / "life.csv").write_text(sample, "utf-8")
    return elsewhere(LIFE, machine, served.variables())


def test_a_run_begins_at_once_and_ends(life):
    assert life["first"] in ("CREATED", "QUEUED")
    assert life["status"] == "PARTIAL_FAILED"
    assert life["id"].startswith("run_")
    assert life["waited"]
    assert life["rejected"] == 3
    assert life["seconds"] < 30  # on a busy machine; it is not waited for
    assert life["metadata"]["run"]["run_metadata"] == {"triggered_by": "cron"}
    assert life["metadata"]["row_counts"] == {"input": 6, "mapped": 3, "rejects": 3}
    assert life["metadata"]["run"]["started_by"] == "tests"


def test_a_wait_that_is_too_short_ends_in_a_timeout(life):
    assert life["too_soon"] == ["RunTimeoutError", life["id"]]


def test_what_the_run_left_is_what_a_download_beside_the_project_gives(
    served, life, machine, tmp_path
):
    run = client.run_status(life["id"], project=served.project)
    here = run.download_all(tmp_path)
    there = [machine / path for path in life["all"]]
    assert [p.relative_to(tmp_path) for p in here] == [
        p.relative_to(machine / "all") for p in there
    ]
    assert [p.read_bytes() for p in here] == [p.read_bytes() for p in there]
    assert run.metadata == life["metadata"]


def test_each_part_is_had_alone(life, machine):
    assert life["mapped"] == ["mapped/mapped/part-0000.json"]
    assert json.loads((machine / life["mapped"][0]).read_text().splitlines()[0])["_lume_row"] == 1
    assert life["rejects"] == ["rejects/rejects/part-0000.csv"]


def test_a_batch_that_is_done_is_refused_as_beside_the_project(life):
    kind, message, hint, run_id = life["again"]
    assert kind == "NotNowError"
    assert message.endswith("life.csv is done under contacts:v1.")
    assert hint == "force_rerun=True runs it again and replaces its rows in the target"
    assert run_id == life["id"]


def test_a_version_that_is_not_there_is_refused_and_leaves_no_run(life):
    assert life["nope:v9"][0] == life["contacts:v9"][0] == "NotFoundError"
    assert life["nope:v9"][1].startswith("there is no flow 'nope'")
    assert life["contacts:v9"][1] == "contacts has no version 'v9'."
    assert life["never"] == 0


@pytest.mark.parametrize(
    ("key", "message"),
    [("", "There is no API key for the server at "), ("x" * 40, "Nobody has this key.")],
    ids=["none", "a wrong one"],
)
def test_without_its_key_a_machine_is_told_so(served, tmp_path, key, message):
    script = (
        "import json, lume_dagster as lume\n"
        "try: lume.run('contacts:v1', 'contacts.csv', force_rerun=True)\n"
        "except lume.AuthenticationError as error: print(json.dumps([error.message, error.hint]))"
    )
    told = elsewhere(script, tmp_path, served.variables(LUME_API_KEY=key))
    assert told[0].startswith(message)
    assert told[1]


def test_force_rerun_makes_another_run(life):
    assert life["forced"][0] != life["id"]
    assert life["forced"][1] == "PARTIAL_FAILED"


def test_a_repaired_reject_joins_its_batch(life):
    rows, resubmits = life["joined"]
    assert rows == {"input": 6, "mapped": 4, "rejects": 2}
    assert resubmits == life["forced"][0]
    assert life["by"] == {"by": "hand"}


def test_files_of_the_callers_machine_are_mapped(life):
    assert life["upload"].startswith("upload:")
    assert life["uploaded"] == "SUCCEEDED"
    assert "Polska" in life["seeded"]


def test_an_upload_has_the_name_that_the_project_gives_it(served, life, machine):
    assert client.upload_file(machine / "mine.csv", project=served.project) == life["upload"]


def test_runs_are_found(life):
    assert len(life["listed"]) == 2
    assert life["seen"].startswith(f"<LumeRun {life['forced'][0]} PARTIAL_FAILED contacts:v1 on ")


def test_neither_dagster_nor_an_engine_is_loaded(life):
    assert life["loaded"] == []


def test_nothing_else_is_left_in_the_folder(life):
    made = {"all", "countries.csv", "mapped", "mine.csv", "rejects", "repaired.csv", "seeded"}
    assert set(life["here"]) == made


def test_two_files_are_one_batch_and_uploads_may_stand_for_files(served, tmp_path):
    head = "id,first_name,last_name,email,country,customer_since\n"
    for name, row in {"a.csv": "1,A,B,a@b.co,PL,2020-01-01\n", "b.csv": "2,,,x,YY,never\n"}.items():
        (tmp_path / name).write_text(head + row)
    told = elsewhere(
        "import json, lume_dagster as lume\n"
        "run = lume.run('contacts:v1', input_files=['a.csv', lume.upload_file('b.csv')]).wait()\n"
        "print(json.dumps([run.metadata['row_counts'], run.source_path]))",
        tmp_path,
        served.variables(),
    )
    assert told[0] == {"input": 2, "mapped": 1, "rejects": 1}
    version = Library(served.project / "flows").resolve("contacts:v1")
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    assert told[1] == client.store_files(load_project(served.project), version, files, [])
