"""Pipelines of a real project: what its connectors hand over, and who is said to have done it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

import lume_dagster as lume
from lume_dagster.cli import lume as shell
from lume_dagster.client.author import whoami

SCHEMA = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project") / "demo"
    made = CliRunner().invoke(shell, ["init", str(folder)])
    assert made.exit_code == 0, made.output
    return folder


def test_a_batch_of_the_source_connector_becomes_a_job_and_a_version(project):
    (project / "landing" / "mine.csv").write_text("full\n ada \nmax\n")
    pipeline = lume.Pipeline.create("mine", SCHEMA, project=project)
    job = pipeline.create_job(source_path="mine.csv")
    workshop = job.create_workshop()
    result = workshop.run_mapper({"name": "trim(full)"})
    assert [m.mapped_record["name"] for m in result] == ["ada", "max"]
    assert workshop.deploy() == "mine:v1"
    lock = (project / "flows" / "mine" / "flow.lock").read_text()
    assert whoami() in lock
    assert lume.Pipeline.get_pipeline_by_id("mine", project=project).status == "DEPLOYED"
    names = [p.name for p in lume.Pipeline.get_all_pipelines(project=project)]
    assert names == ["contacts", "mine"]


def test_a_batch_that_is_not_there_is_said_and_leaves_no_job(project):
    before = [job.id for job in lume.Job.get_all_jobs("contacts", project=project)]
    with pytest.raises(lume.LumeError, match="nowhere"):
        lume.Job.create("contacts", source_path="nowhere.csv", project=project)
    assert [job.id for job in lume.Job.get_all_jobs("contacts", project=project)] == before


def test_a_result_of_a_published_flow_names_its_version(project):
    result = lume.Pipeline.get_pipeline_by_id("contacts", project=project).run_pipeline(
        source_path="contacts.csv"
    )
    assert result.mapper.version == "contacts:v1"
    assert isinstance(result, lume.Result)
    assert isinstance(result.mapper, lume.Mapper)
    assert isinstance(result.get_mappings().items[0], lume.Mapping)
    assert result.changed_fields == ()
    assert result.changed_rows.same == result.counts["mapped"]
