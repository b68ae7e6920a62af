"""A project here and the same project behind its server: one answer to whatever is asked."""

from __future__ import annotations

import pytest

from lume_dagster.client import LumeRun
from lume_dagster.client.local import LocalProject
from lume_dagster.client.site import Order, Which
from lume_dagster.errors import LumeError
from lume_dagster.runs.status import Status

UNKNOWN = "run_00000000-0000-0000-0000-000000000000"
VERSION = "contacts:v1"


def file_of(tmp_path, name, text="id\n1\n"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


#: What is refused: each is given the run of ``done`` as the site has it, and a folder.
REFUSED = {
    "no such flow": lambda run, _: run._site.start(Order("nope:v1", "a.csv")),
    "no such version": lambda run, _: run._site.start(Order("contacts:v9", "a.csv")),
    "a draft": lambda run, _: run._site.start(Order("contacts:draft", "a.csv")),
    "no version at all": lambda run, _: run._site.start(Order("", "a.csv")),
    "a batch that is done": lambda run, _: run._site.start(Order(VERSION, "contacts.csv")),
    "a name with dots": lambda run, _: run._site.start(Order(VERSION, "a...b")),
    "an empty name": lambda run, _: run._site.start(Order(VERSION, "")),
    "a blank before a name": lambda run, _: run._site.start(Order(VERSION, " a.csv")),
    "a line in a name": lambda run, _: run._site.start(Order(VERSION, "a\nb.csv")),
    "a way out": lambda run, _: run._site.start(Order(VERSION, "../../secret.csv")),
    "no files": lambda run, _: run._site.start(Order(VERSION, input_files=[])),
    "a file that is not there": lambda run, _: run._site.start(
        Order(VERSION, input_files=["nope.csv"])
    ),
    "another system's file": lambda run, _: run._site.start(
        Order(VERSION, input_files=["s3://there/a.csv"])
    ),
    "a seed that the flow does not know": lambda run, folder: run._site.start(
        Order(VERSION, input_files=[file_of(folder, "a.csv")], seed_files=[folder / "a.csv"])
    ),
    "two seeds of one name": lambda run, folder: run._site.start(
        Order(VERSION, input_files=[file_of(folder, "a.csv")], seed_files=[folder / "a.csv"] * 2)
    ),
    "an upload that is not there": lambda run, _: run._site.start(
        Order(VERSION, input_files=[f"upload:{'0' * 32}"])
    ),
    "a folder to upload": lambda run, folder: run._site.upload(folder),
    "what is no id": lambda run, _: run._site.summary("a b"),
    "no such run": lambda run, _: run._site.summary(UNKNOWN),
    "no such run's figures": lambda run, _: run._site.details(UNKNOWN),
    "the end of no such run": lambda run, _: run._site.cancel(UNKNOWN),
    "the end of what has ended": lambda run, _: run.cancel(),
    "another format": lambda run, folder: run.download_all(folder, "xml"),
    "rejects of another batch": lambda run, folder: run.save_rejects(
        folder / "r.csv", source_path="other.csv"
    ),
    "rejects under another ending": lambda run, folder: run.save_rejects(folder / "r.xlsx"),
    "rejects in no folder": lambda run, folder: run.save_rejects(folder / "no" / "r.csv"),
    "repairs that are not there": lambda run, folder: run.resubmit(folder / "nope.csv"),
    "repairs without numbers": lambda run, folder: run.resubmit(file_of(folder, "a.csv")),
    "repairs of another version": lambda run, folder: run.resubmit(
        run.save_rejects(folder / "r.csv"), flow_version="v9"
    ),
}


def by_way_of_both(served, done):
    here = LocalProject.at(served.project)
    return [LumeRun(site, site.summary(done.id)) for site in (here, done._site)]


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_in_the_same_words(served, done, tmp_path, what):
    said = []
    for run in by_way_of_both(served, done):
        with pytest.raises(LumeError, match=".") as caught:
            REFUSED[what](run, tmp_path)
        error = caught.value
        said.append(
            (type(error).__name__, error.message, bool(error.hint), vars(error).get("run_id"))
        )
    assert said[0] == said[1]


def test_a_run_is_the_same(served, done):
    here, there = by_way_of_both(served, done)
    assert here._site.summary(done.id) == there._site.summary(done.id)
    assert here.metrics == there.metrics
    assert here.metadata == there.metadata
    assert repr(here) == repr(there)


@pytest.mark.parametrize(
    "which",
    [
        Which(flow="contacts", limit=2),
        Which(flow="nope"),
        Which(flow_version="contacts:v1", limit=1),
        Which(flow_version="contacts:v2"),
        Which(source_path="contacts.csv"),
        Which(source_path="never.csv"),
        Which(status=(Status.PARTIAL_FAILED, Status.SUCCEEDED), limit=3),
        Which(status=(Status.CRASHED,)),
        Which(status=()),
        Which(limit=0),
    ],
    ids=repr,
)
def test_the_same_runs_are_found(served, done, which):
    here, there = by_way_of_both(served, done)
    assert list(here._site.runs(which)) == list(there._site.runs(which))


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("part", ["all", "mapped", "rejects"])
def test_the_same_files_are_written(served, done, tmp_path, part, form):
    written = []
    for number, run in enumerate(by_way_of_both(served, done)):
        folder = tmp_path / str(number)
        found = getattr(run, f"download_{part}")(folder, form)
        written.append([(path.relative_to(folder), path.read_bytes()) for path in found])
    assert written[0] == written[1]


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".json"])
@pytest.mark.parametrize("chosen", [{}, {"field": "email"}, {"code": "INVALID_FORMAT"}], ids=repr)
def test_the_same_rejects_are_saved(served, done, tmp_path, ending, chosen):
    both = by_way_of_both(served, done)
    files = [run.save_rejects(tmp_path / f"{n}{ending}", **chosen) for n, run in enumerate(both)]
    assert files[0].read_bytes() == files[1].read_bytes()
