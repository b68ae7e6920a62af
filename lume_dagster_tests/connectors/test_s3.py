"""S3 passes the suites, as Parquet, CSV and JSON Lines, and says what a key may not do."""

from __future__ import annotations

import pytest

from lume_dagster.connectors import S3Connector
from lume_dagster.testing import StoreSourceSuite, TargetSuite, WriteSuite
from lume_dagster.testing.connectors import SECRET
from lume_dagster_tests.connectors.object_stores import ObjectStoreHooks


class S3(ObjectStoreHooks):
    """The hooks of S3, for any format."""

    connector_type = S3Connector

    @pytest.fixture
    def config(self, s3_config):
        return s3_config

    def broken(self, config):
        return [
            {**config, "aws_secret_access_key": SECRET},
            {**config, "aws_access_key_id": "AKIANOBODY", "aws_secret_access_key": SECRET},
            {**config, "root": "s3://no-such-bucket-of-anybody/in"},
            {**config, "root": "https://bucket/in"},
            {**config, "endpoint_url": "http://127.0.0.1:1", "max_attempts": 1},
        ]


class TestParquet(S3, TargetSuite, StoreSourceSuite):
    pass


class TestCsv(S3, WriteSuite):
    file_format = "csv"


class TestJsonLines(S3, WriteSuite):
    file_format = "jsonl"
