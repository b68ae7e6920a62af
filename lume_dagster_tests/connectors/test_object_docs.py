"""The pages of the object stores show code that works and a manifest as it is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lume_dagster.connectors import AzureBlobConnector, S3Connector
from lume_dagster.connectors.object_store.manifest import Manifest, parse_manifest
from lume_dagster_tests.connectors.object_stores import batch

PAGES = Path(__file__).parents[2] / "docs" / "connectors"


def blocks(page, language):
    text = (PAGES / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("page", "kind", "count"), [("s3.md", S3Connector, 3), ("azure_blob.md", AzureBlobConnector, 4)]
)
def test_the_connectors_of_a_page_can_be_made(page, kind, count):
    names = {}
    exec(blocks(page, "python")[0], names)
    assert sum(isinstance(value, kind) for value in names.values()) == count


@pytest.mark.parametrize("page", ["s3.md", "azure_blob.md"])
def test_every_field_is_on_the_page_of_its_connector(page):
    kind = {"s3.md": S3Connector, "azure_blob.md": AzureBlobConnector}[page]
    text = (PAGES / page).read_text("utf-8")
    assert [name for name in kind.model_fields if f"`{name}`" not in text] == []


def test_a_table_is_read_as_the_page_shows(s3_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lake = S3Connector(**s3_config)
    lake.deliver(batch(tmp_path, "a", 3, rejects=2))
    names = {"lake": lake}
    exec(blocks("s3.md", "python")[1], names)
    assert (names["table"].num_rows, names["total"].fetchall()) == (3, [(3,)])
    assert (len(names["uris"]), len(names["files"]), len(names["rejects"])) == (1, 1, 1)


def test_the_manifest_of_the_page_has_the_fields_that_one_has():
    (shown,) = blocks("s3.md", "json")
    found = parse_manifest(shown.encode(), "docs")
    assert found.batches[0].mapped[0].rows == 2
    written = json.loads(found.to_bytes())
    assert json.loads(shown) == written
    assert json.loads(Manifest().to_bytes()).keys() == written.keys()
