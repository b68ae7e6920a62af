"""Azure Blob Storage passes the suites, by key and by SAS, and says what a SAS may not do."""

from __future__ import annotations

import base64

import pytest

from lume_dagster.connectors import AzureBlobConnector
from lume_dagster.errors import ConnectorError, TransientError
from lume_dagster.testing import ServerSuite, StoreSourceSuite, TableReaderSuite, TargetSuite
from lume_dagster.testing.connectors import SECRET
from lume_dagster_tests.connectors.object_stores import (
    ObjectSourceLaws,
    ObjectStoreHooks,
    ObjectTableLaws,
    batch,
    keys,
    named,
    put,
)


class AzureBlob(ObjectStoreHooks):
    """The hooks of Azure."""

    connector_type = AzureBlobConnector

    @pytest.fixture
    def config(self, azure_config):
        return azure_config

    def silent(self, config, host, port):
        waits = {"request_timeout_seconds": 1, "max_attempts": 1}
        return {**config, **waits, "account_url": f"http://{host}:{port}/devaccount"}

    def broken(self, config):
        key = base64.b64encode(SECRET.encode()).decode()
        return [
            {**config, "account_key": key},
            {**config, "account_key": SECRET},
            {**config, "account_key": None, "sas_token": f"sv=2023-11-03&sig={SECRET}"},
            {**config, "account_key": None, "sas_token": SECRET},
            {**config, "account_url": f"https://x.blob.core.windows.net?sig={SECRET}"},
            {**config, "connection_string": SECRET},
            {**config, "root": "az://no-such-container/in"},
            {**config, "account_url": "http://127.0.0.1:1/devaccount", "max_attempts": 1},
        ]


class TestSuites(AzureBlob, TargetSuite, TableReaderSuite, StoreSourceSuite, ServerSuite):
    pass


class TestSource(AzureBlob, ObjectSourceLaws):
    pass


class TestTables(AzureBlob, ObjectTableLaws):
    pass


@pytest.fixture
def container(azurite):
    return azurite.new_container()


def by_sas(azurite, container, rights):
    config = {"root": f"az://{container}/in", **azurite.config(), "account_key": None}
    return AzureBlobConnector(**config, sas_token=azurite.sas(rights))


def by_key(azurite, container):
    return AzureBlobConnector(root=f"az://{container}/in", **azurite.config())


def test_a_sas_that_may_read_makes_a_source(azurite, container, tmp_path):
    put(by_key(azurite, container), "a.csv", b"x")
    reader = by_sas(azurite, container, "rl")
    said = list(reader.test())
    assert "lets a SAS for account devaccount list" in said[0]
    assert "can only be a source: it needs write, create and delete in the SAS" in said[1]
    (item,) = reader.list_objects("*.csv")
    assert reader.fetch(item, tmp_path).read_bytes() == b"x"
    with pytest.raises(ConnectorError, match=r"does not let you delete .*\n.*write, create and"):
        reader.check(batch(tmp_path, "a", 1))


def test_a_sas_that_may_write_makes_a_target(azurite, container, tmp_path):
    writer = by_sas(azurite, container, "rwdlc")
    assert len(list(writer.test())) == 2
    for rows in (3, 2):
        writer.check(batch(tmp_path, "a", rows))
        writer.deliver(batch(tmp_path, "a", rows))
    assert keys(writer) == named(writer)
    with pytest.raises(ConnectorError, match="does not let you delete"):
        by_sas(azurite, container, "rwlc").check(batch(tmp_path, "a", 1))


def test_a_sas_that_may_not_list_reads_single_blobs(azurite, container):
    uri = put(by_key(azurite, container), "a.csv", b"x")
    reader = by_sas(azurite, container, "rwdc")
    assert "may not list" in next(reader.test())
    assert [item.uri for item in reader.list_objects(uri)] == [uri]
    with pytest.raises(ConnectorError, match=r"does not let you list .*\n.*list in the SAS"):
        reader.list_objects("*.csv")


def test_a_sas_that_may_do_nothing_is_refused(azurite, container):
    with pytest.raises(ConnectorError, match="neither list nor write"):
        list(by_sas(azurite, container, "t").test())


def test_a_sas_is_not_in_any_error(azurite, container, tmp_path):
    sas = azurite.sas("t")
    with pytest.raises(ConnectorError, match="does not let you") as caught:
        by_sas(azurite, container, "t").check(batch(tmp_path, "a", 1))
    assert sas.rpartition("sig=")[2] not in str(caught.value)


def test_a_connection_string_opens_a_container(azurite, container):
    text = f"BlobEndpoint={azurite.url};AccountName=devaccount;AccountKey={azurite.key}"
    connector = AzureBlobConnector(root=f"az://{container}", connection_string=text)
    assert len(list(connector.test())) == 2


def test_a_manifest_that_somebody_leased_is_told_of(azurite, container, tmp_path):
    connector = by_key(azurite, container)
    connector.deliver(batch(tmp_path, "a", 1))
    path = f"{container}/in/ops/orders/_lume_table.json"
    how = {"x_ms_lease_action": "acquire", "x_ms_lease_duration": "60"}
    azurite.request("PUT", path, {"comp": "lease"}, **how)
    with pytest.raises(TransientError, match=r"is leased by somebody else \(LeaseIdMissing\)"):
        connector.deliver(batch(tmp_path, "b", 1))


def test_a_key_and_a_sas_are_one_too_many(azurite, container):
    connector = AzureBlobConnector(
        root=f"az://{container}", **azurite.config(), sas_token="sv=1&sig=x"
    )
    with pytest.raises(ConnectorError, match="both an account key and a SAS"):
        list(connector.test())


def test_what_the_environment_says_does_not_mix_in(azurite, container, monkeypatch):
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "sv=1&sig=x")
    monkeypatch.setenv("AZURE_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", "http://127.0.0.1:1")
    assert len(list(by_key(azurite, container).test())) == 2
