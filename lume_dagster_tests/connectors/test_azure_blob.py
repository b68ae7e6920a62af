"""Azure Blob Storage passes the suites, by key and by SAS, and says what a SAS may not do."""

from __future__ import annotations

import base64

import pytest

from lume_dagster.connectors import AzureBlobConnector
from lume_dagster.testing import StoreSourceSuite, TargetSuite
from lume_dagster.testing.connectors import SECRET
from lume_dagster_tests.connectors.object_stores import ObjectStoreHooks


class TestAzureBlob(ObjectStoreHooks, TargetSuite, StoreSourceSuite):
    connector_type = AzureBlobConnector

    @pytest.fixture
    def config(self, azure_config):
        return azure_config

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
