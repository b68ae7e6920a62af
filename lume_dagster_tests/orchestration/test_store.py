"""Machines that share a store: what one staged the next transforms, and a third downloads."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from lume_dagster import client
from lume_dagster.connectors import AzureBlobConnector, LocalFilesConnector, S3Connector
from lume_dagster.errors import ConnectorError, FlowError
from lume_dagster.orchestration import names
from lume_dagster.orchestration.definitions import build_definitions
from lume_dagster.orchestration.io_manager import MappedFiles
from lume_dagster.orchestration.metadata import STORED
from lume_dagster.orchestration.newest import newest
from lume_dagster.orchestration.project import load_project
from lume_dagster.orchestration.prune import leftovers, remove
from lume_dagster.runs.depot import MARK, Depot
from lume_dagster_tests.servers.azurite import azure_config, azurite
from lume_dagster_tests.servers.moto import moto, s3_config

__all__ = ["azure_config", "azurite", "moto", "s3_config"]

#: The same definitions on each machine; its data folder is its own.
DEFINITIONS = """\
import os
import sys
from pathlib import Path

from lume_dagster import build_definitions
from lume_dagster.connectors import AzureBlobConnector, S3Connector
from lume_dagster_tests.orchestration import fakes

here = Path(__file__).parent
stage = fakes.Stage(here / "stage")
defs = build_definitions(
    "flows",
    {{
        "landing": fakes.FolderStore(stage, here / "files"),
        "warehouse": fakes.OneFileTarget(stage, here / "target.json"),
    }},
    data=os.environ.get("MACHINE_DATA", "data"),
    store={kind}(**{config!r}),
    open_engine=lambda workspace: fakes.open_small_engine(stage),
    retry_waits=(0.0, 0.0),
)
"""


@pytest.fixture(params=["s3", "azure"])
def connector(request):
    fixture, kind = {
        "s3": ("s3_config", S3Connector),
        "azure": ("azure_config", AzureBlobConnector),
    }[request.param]
    return kind(**request.getfixturevalue(fixture))


@pytest.fixture
def s3(s3_config):
    return S3Connector(**s3_config)


@pytest.fixture
def machine(bench, connector, tmp_path, monkeypatch):
    return machines(bench, connector, tmp_path, monkeypatch)


@pytest.fixture
def s3_machine(bench, s3, tmp_path, monkeypatch):
    return machines(bench, s3, tmp_path, monkeypatch)


def machines(bench, connector, tmp_path, monkeypatch):
    """Become another machine, which has nothing but the definitions and the instance."""
    config = connector.model_dump(exclude_defaults=True)
    text = DEFINITIONS.format(kind=type(connector).__name__, config=config)
    (bench.folder / "definitions.py").write_text(text)
    monkeypatch.setenv("DAGSTER_HOME", str(bench.folder / "data/dagster"))

    def become(name):
        monkeypatch.setenv("MACHINE_DATA", str(tmp_path / name))
        return Depot(tmp_path / name, connector)

    return become


def keys(depot):
    bucket, root = depot.store.place()
    return [meta["path"].removeprefix(f"{root}/") for meta in bucket.below(root)]


def test_one_machine_syncs_the_source_another_transforms_a_third_delivers(bench, machine):
    machine("one")
    source_path = bench.put("a.csv", "1", "x", "3")
    assert bench.materialize(source_path, steps=("source",)).success
    (bench.folder / "files/a.csv").unlink()  # it need not be asked for again
    machine("two")
    assert bench.materialize(source_path, steps=("transform",)).success
    machine("three")
    assert bench.materialize(source_path, steps=("target",)).success
    assert [row["amount"] for row in bench.target.rows()] == [1, 3]


def test_another_machine_downloads_what_a_run_left(bench, machine, tmp_path):
    machine("one")
    done = bench.materialize(bench.put("a.csv", "1", "x", "3"))
    there = {p.name: p.read_bytes() for p in (tmp_path / "one/output").rglob("*.json")}
    shutil.rmtree(tmp_path / "one")
    machine("two")
    run = client.run_status(f"run_{done.run_id}", project=bench.folder)
    run.download_all(tmp_path / "got")
    assert len((tmp_path / "got/mapped/part-0000.csv").read_text().splitlines()) == 3
    assert len((tmp_path / "got/rejects/part-0000.csv").read_text().splitlines()) == 2
    assert {p.name: p.read_bytes() for p in (tmp_path / "got").glob("*.json")} == there


def test_many_batches_of_one_run_are_shared_each_in_its_own_folder(bench, s3_machine, tmp_path):
    depot = s3_machine("one")
    batches = [bench.put(f"{n}.csv", "1", "x") for n in range(3)]
    done = bench.materialize(*batches)
    assert done.success
    assert sum(key.endswith(f"/{MARK}") for key in keys(depot)) == 6
    s3_machine("two")
    client.run_status(f"run_{done.run_id}", project=bench.folder).download_rejects(tmp_path / "got")
    assert len(list((tmp_path / "got").rglob("rejects/*.csv"))) == 3


def test_a_retry_on_another_machine_does_not_ask_the_source_again(bench, s3_machine):
    s3_machine("one")
    source_path = bench.put("a.csv", "1")
    bench.stage.arrange("deliver", "connector")
    first = bench.materialize(source_path)
    assert not first.success
    (bench.folder / "files/a.csv").unlink()
    s3_machine("two")
    assert bench.retry(first).success
    assert len(bench.target.rows()) == 1


def test_a_refused_batch_can_be_looked_at_from_elsewhere(bench, s3_machine, tmp_path):
    s3_machine("one")
    done = bench.materialize(bench.put("a.csv", "x", "y"))
    assert not done.success
    s3_machine("two")
    run = client.run_status(f"run_{done.run_id}", project=bench.folder)
    [rejects] = run.download_rejects(tmp_path / "got")
    assert len(rejects.read_text().splitlines()) == 3


def test_a_person_s_asset_takes_rows_on_another_machine(bench, s3_machine):
    s3_machine("one")
    source_path = bench.put("a.csv", "1", "2")
    bench.materialize(source_path)
    seen = []

    @dg.asset(
        ins={"rows": dg.AssetIn(bench.key("transform"), input_manager_key=names.IO_MANAGER)},
        partitions_def=dg.DynamicPartitionsDefinition(
            name=names.partitions_name("lume", bench.version)
        ),
    )
    def mine(rows: MappedFiles) -> None:
        seen.extend(path for path in rows.paths if path.exists())

    depot = s3_machine("two")
    assert bench.materialize(source_path, steps=(), assets=(mine,)).success
    assert [path.is_relative_to(depot.data) for path in seen] == [True]


def test_files_given_by_hand_reach_the_other_machines(bench, s3_machine, tmp_path):
    s3_machine("one")
    file = tmp_path / "by hand.csv"
    file.write_text("id,amount\n1,5\n")
    project = load_project(bench.folder, ["orders:v1"])
    source_path = client.store_files(project, bench.version, [file], [])
    s3_machine("two")
    assert bench.materialize(source_path).success
    assert len(bench.target.rows()) == 1


def test_a_batch_in_its_target_leaves_no_older_staging_in_the_store(bench, s3_machine):
    depot = s3_machine("one")
    source_path = bench.put("a.csv", "1")
    bench.materialize(source_path)
    again = bench.materialize(source_path)
    runs = {key.split("/")[4] for key in keys(depot) if key.startswith("staging/")}
    assert runs == {again.run_id}


def test_pruning_removes_from_the_store_what_old_runs_left(bench, s3_machine):
    depot = s3_machine("one")
    first = bench.materialize(bench.put("a.csv", "1"))
    second = bench.materialize(bench.put("a.csv", "2"))
    later = datetime.now(UTC) + timedelta(minutes=1)
    found = leftovers(bench.instance, bench.project.workspace.layout, later, depot=depot)
    remove(bench.instance, found, depot)
    left = {key.split("/")[3] for key in keys(depot)}
    assert left == {f"run_{second.run_id}"}
    assert first.run_id not in str(keys(depot))


def test_what_is_young_stays_in_the_store(bench, s3_machine):
    depot = s3_machine("one")
    bench.materialize(bench.put("a.csv", "1"))
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    layout = bench.project.workspace.layout
    assert leftovers(bench.instance, layout, hour_ago, everything=True, depot=depot) == []


# -- the store itself -------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """A folder of a run with a few files in it."""
    made = tmp_path / "here/output/orders/v1/run_1"
    for path, content in {"mapped/part-0.parquet": "m" * 9, "metrics.json": "{}"}.items():
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_text(content)
    return made


def content(folder):
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*.*")}


def elsewhere(depot, tmp_path, folder):
    other = Depot(tmp_path / "there", depot.store)
    return other, other.data / folder.relative_to(depot.data)


def test_a_folder_comes_back_as_it_was(connector, folder, tmp_path):
    depot = Depot(tmp_path / "here", connector)
    uri = depot.put(folder)
    other, there = elsewhere(depot, tmp_path, folder)
    assert other.here(uri) == there
    assert other.fetch(there)
    assert content(there) == content(folder)


def test_a_folder_that_is_here_is_not_fetched_again(s3, folder, tmp_path):
    depot = Depot(tmp_path / "here", s3)
    depot.put(folder)
    before = folder.stat().st_ino
    assert depot.fetch(folder)
    assert folder.stat().st_ino == before


def test_half_a_folder_here_is_replaced(s3, folder, tmp_path):
    depot = Depot(tmp_path / "here", s3)
    depot.put(folder)
    whole = content(folder)
    (folder / "mapped/part-0.parquet").unlink()
    assert depot.fetch(folder)
    assert content(folder) == whole


def test_a_file_of_a_stored_folder_can_be_replaced(s3, folder, tmp_path):
    depot = Depot(tmp_path / "here", s3)
    depot.put(folder)
    (folder / "metrics.json").write_text('{"runtime": 2}')
    depot.put_file(folder, "metrics.json")
    other, there = elsewhere(depot, tmp_path, folder)
    other.fetch(there)
    assert content(there) == content(folder)


def test_an_upload_without_its_mark_is_no_folder(s3, folder, tmp_path):
    depot = Depot(tmp_path / "here", s3)
    depot.put(folder)
    bucket, root = s3.place()
    bucket.delete([f"{root}/output/orders/v1/run_1/{MARK}"])
    other, there = elsewhere(depot, tmp_path, folder)
    assert not other.fetch(there)
    assert not there.exists()
    assert [found.run for found in other.of_runs()] == ["run_1"]  # and it can be pruned


def test_a_mark_that_names_files_elsewhere_is_refused(s3, folder, tmp_path):
    depot = Depot(tmp_path / "here", s3)
    depot.put(folder)
    bucket, root = s3.place()
    evil = {"lume_folder": 1, "files": [{"path": "../../x", "size": 1, "e_tag": "x"}]}
    bucket.put(f"{root}/output/orders/v1/run_1/{MARK}", json.dumps(evil).encode())
    other, there = elsewhere(depot, tmp_path, folder)
    with pytest.raises(ConnectorError, match="names files elsewhere"):
        other.fetch(there)


def test_a_folder_of_another_store_is_not_taken_for_one_of_this(s3, tmp_path):
    depot = Depot(tmp_path, s3)
    with pytest.raises(ConnectorError, match="not in the store of this code location"):
        depot.here("s3://other/output/orders/v1/run_1")
    with pytest.raises(ConnectorError, match="not in the store"):
        depot.here(f"{depot.uri(tmp_path)}/../x")


def test_only_an_object_store_can_be_the_store(bench):
    with pytest.raises(FlowError, match="A LocalFilesConnector cannot be the store"):
        build_definitions(
            bench.folder / "flows", {}, store=LocalFilesConnector(root=str(bench.folder))
        )


_KILLED = """
    import os, signal, sys
    from pathlib import Path
    from lume_dagster.connectors import S3Connector
    from lume_dagster.runs import depot

    class Dying(depot.Depot):
        pass

    writes = int(sys.argv[2])
    def dying(bucket, key, folder, path, upload=depot._upload):
        global writes
        writes -= 1
        if writes < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return upload(bucket, key, folder, path)
    depot._upload = dying
    data, folder = Path(sys.argv[1]), Path(sys.argv[3])
    depot.Depot(data, S3Connector(**eval(sys.argv[4]))).put(folder)
"""


@pytest.mark.parametrize("files", [0, 1])
def test_an_upload_that_is_killed_leaves_nothing_half_and_the_next_is_whole(
    s3, s3_config, folder, tmp_path, files
):
    depot = Depot(tmp_path / "here", s3)
    words = [str(depot.data), str(files), str(folder), repr(s3_config)]
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_KILLED), *words],
        check=False,
        cwd=Path(__file__).parents[2],
        env=dict(os.environ),
    )
    assert killed.returncode == -signal.SIGKILL
    other, there = elsewhere(depot, tmp_path, folder)
    assert not other.fetch(there)
    assert not there.exists()
    depot.put(folder)
    assert other.fetch(there)
    assert content(there) == content(folder)


def test_the_materialization_says_where_it_is(bench, s3_machine):
    depot = s3_machine("one")
    bench.materialize(bench.put("a.csv", "1"))
    made = newest(bench.instance, bench.key("source"), "a.csv")
    assert str(made.metadata[STORED].value).startswith(f"{depot.uri(depot.data)}/staging/")
