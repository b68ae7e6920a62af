"""One batch has one name, however people write it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lume_dagster import client
from lume_dagster.connectors import LocalFilesConnector, S3Connector
from lume_dagster.errors import InvalidRequestError
from lume_dagster.flows.library import Library
from lume_dagster.orchestration.launch import Request, create, names_of_batches
from lume_dagster.orchestration.naming import second_names
from lume_dagster.orchestration.query import read_details
from lume_dagster_tests.orchestration.conftest import publish
from lume_dagster_tests.orchestration.test_whole import BY_CURRENCY, DEFINITIONS


@pytest.fixture
def whole(bench):
    """The bench with local files as its source, whose full names are URIs."""
    root = Path(__file__).parents[2]
    (bench.folder / "definitions.py").write_text(DEFINITIONS.format(tests=str(root)))
    bench.put("a b.csv", "1", "x", "3")
    return bench


def names(whole):
    return names_of_batches(whole.project, whole.instance, whole.version)


def uri(whole, name: str = "a%20b.csv") -> str:
    return f"{(whole.folder / 'files').as_uri()}/{name}"


@pytest.mark.parametrize("written", ["a b.csv", "./a b.csv", "{files}/a b.csv", "{uri}/a b.csv"])
def test_a_file_is_called_by_its_full_uri(whole, written):
    files = whole.folder / "files"
    name = written.format(files=files, uri=files.as_uri())
    assert names(whole).of(name) == uri(whole)


def test_globs_and_folders_have_one_name_too(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/x [1].csv").write_text("id\n1\n")
    local = LocalFilesConnector(root=str(tmp_path))
    for written in ("in", "in/", "in/*.csv", "in/x [1].csv", "**/*.cs?"):
        full = local.full_name(written)
        assert full.startswith(tmp_path.as_uri())
        assert local.full_name(full) == full
        assert local.list_objects(full) == local.list_objects(written)


def test_objects_are_called_by_their_uri():
    store = S3Connector(root="s3://acme/in", region_name="eu-central-1")
    assert store.full_name("2024/a b%.csv") == "s3://acme/in/2024/a b%.csv"
    assert store.full_name("s3://acme/in/2024/a b%.csv") == "s3://acme/in/2024/a b%.csv"
    assert store.full_name("*.csv") == "s3://acme/in/*.csv"


@pytest.mark.parametrize("many", [False, True])
def test_a_batch_that_is_known_by_another_name_keeps_it(whole, many):
    whole.instance.add_dynamic_partitions("lume/orders/v1", ["a b.csv", uri(whole, "c.csv")])
    asked = replace(names(whole), many=many)
    for written in ("a b.csv", "./a b.csv", uri(whole)):
        assert asked.of(written) == "a b.csv"
    assert asked.of("c.csv") == uri(whole, "c.csv")
    assert asked.of("d.csv") == uri(whole, "d.csv")


def test_a_batch_keeps_its_name_under_every_version_of_its_flow(whole):
    """The rows of both versions are in one table."""
    whole.instance.add_dynamic_partitions("lume/orders/v1", ["a b.csv"])
    seeds = whole.folder / "flows/orders/seeds"
    seeds.mkdir()
    (seeds / "rates.csv").write_text("currency,name\nEUR,euro\n")
    publish(whole.folder, BY_CURRENCY)
    assert names(whole.of_version(2)).of(uri(whole)) == "a b.csv"


def test_a_run_that_is_asked_for_gets_the_full_name(whole):
    run_id = create(whole.project, whole.instance, Request(whole.version, "a b.csv", {}))
    run = whole.instance.get_run_by_id(run_id)
    assert run.tags["dagster/partition"] == uri(whole)
    with pytest.raises(InvalidRequestError, match="is being run by"):
        create(whole.project, whole.instance, Request(whole.version, uri(whole), {}))
    for written in ("a b.csv", uri(whole)):
        (found,) = client.runs(source_path=written, project=whole.folder)
        assert found.id == f"run_{run_id}"


def test_a_partition_by_a_second_name_is_refused_when_it_was_never_run(whole):
    assert whole.materialize(uri(whole)).success
    done = whole.materialize("a b.csv")
    error = read_details(whole.instance, f"run_{done.run_id}").metadata["error"]
    assert f"a b.csv is the batch {uri(whole)}, which is a partition already" in error["message"]


def test_a_partition_that_was_run_by_its_short_name_goes_on(whole):
    assert whole.materialize("a b.csv").success
    whole.instance.add_dynamic_partitions("lume/orders/v1", [uri(whole)])
    assert whole.materialize("a b.csv").success
    project = whole.project
    placed, source = project.placed(whole.version), project.source_of(whole.version)
    library = Library(project.workspace.flows)
    found = second_names(whole.instance, placed, source, library, ["a b.csv", "gone.csv"])
    assert (found.full, found.short) == ({"a b.csv": uri(whole)}, {})


def refused(whole, done) -> str:
    return read_details(whole.instance, f"run_{done.run_id}").metadata["error"]["message"]


def test_a_full_name_is_refused_when_the_batch_was_run_by_its_short_one(whole):
    assert whole.materialize("a b.csv").success
    done = whole.materialize(uri(whole))
    assert not done.success
    assert f"{uri(whole)} is the batch a b.csv, which was run by that name" in refused(whole, done)


def test_it_is_refused_under_another_version_too(whole):
    """The rows of both versions are in one table."""
    assert whole.materialize("./a b.csv").success
    seeds = whole.folder / "flows/orders/seeds"
    seeds.mkdir()
    (seeds / "rates.csv").write_text("currency,name\nEUR,euro\n")
    publish(whole.folder, BY_CURRENCY)
    done = whole.of_version(2).materialize(uri(whole))
    assert f"{uri(whole)} is the batch ./a b.csv" in refused(whole, done)


def test_a_full_name_runs_where_the_short_one_is_only_a_partition(whole):
    whole.instance.add_dynamic_partitions("lume/orders/v1", ["a b.csv"])
    assert whole.materialize(uri(whole)).success


def test_a_uri_that_is_written_otherwise_is_no_second_batch(whole):
    assert whole.materialize(uri(whole)).success
    done = whole.materialize(uri(whole, "a b.csv"))
    assert f"is the batch {uri(whole)}, which is a partition already" in refused(whole, done)


def test_many_batches_are_looked_at_one_by_one(whole):
    whole.put("c%20d.csv", "1")  # a name that looks like a part of a URI
    whole.put("e.csv", "1")
    assert whole.materialize("c%20d.csv").success
    done = whole.materialize(uri(whole), uri(whole, "c%2520d.csv"), uri(whole, "e.csv"))
    assert "1 of 3 batches failed" in refused(whole, done)
    assert "is the batch c%20d.csv" in refused(whole, done)


def test_names_that_lead_nowhere_are_refused_before_anything_runs(whole):
    with pytest.raises(Exception, match="goes up with"):
        create(whole.project, whole.instance, Request(whole.version, "../secret.csv", {}))
    assert whole.instance.get_runs_count() == 0
