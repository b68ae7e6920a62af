"""A place, and a pipeline in it that is deployed as v1."""

from __future__ import annotations

import shutil

import pytest

from lume_dagster.client.pipelines import Pipeline
from lume_dagster_tests.mapper.workshop.shop import RECORDS, people_in, place_in


@pytest.fixture
def place(tmp_path):
    return place_in(tmp_path)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """A folder with a pipeline whose mapper is generated, and deployed as v1."""
    folder = tmp_path_factory.mktemp("deployed")
    pipeline = people_in(place_in(folder))
    pipeline.run_pipeline(RECORDS)
    pipeline.create_workshop().deploy(note="as generated")
    return folder


@pytest.fixture
def pipeline(place, deployed, tmp_path):
    shutil.copytree(deployed, tmp_path, dirs_exist_ok=True)
    return Pipeline.get_pipeline_by_id("people", project=place)
