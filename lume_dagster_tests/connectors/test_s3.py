"""S3 passes the suites, and says what a key may not do."""

from __future__ import annotations

import asyncio
from importlib.metadata import requires

import dagster as dg
import pytest

from lume_dagster.connectors import S3Connector
from lume_dagster.connectors.object_store.find import PROBE
from lume_dagster.errors import BatchError, ConnectorError
from lume_dagster.testing import (
    ServerSuite,
    StoreSourceSuite,
    TableReaderSuite,
    TargetSuite,
)
from lume_dagster.testing.connectors import SECRET
from lume_dagster_tests.connectors.object_stores import (
    ObjectSourceLaws,
    ObjectStoreHooks,
    ObjectTableLaws,
    batch,
    keys,
    put,
)


class S3(ObjectStoreHooks):
    """The hooks of S3."""

    connector_type = S3Connector

    @pytest.fixture
    def config(self, s3_config):
        return s3_config

    def silent(self, config, host, port):
        waits = {"request_timeout_seconds": 1, "max_attempts": 1}
        return {**config, **waits, "endpoint_url": f"http://{host}:{port}"}

    def broken(self, config):
        return [
            {**config, "aws_secret_access_key": SECRET},
            {**config, "aws_access_key_id": "AKIANOBODY", "aws_secret_access_key": SECRET},
            {**config, "root": "s3://no-such-bucket-of-anybody/in"},
            {**config, "root": "https://bucket/in"},
            {**config, "endpoint_url": "http://127.0.0.1:1", "max_attempts": 1},
        ]


class TestParquet(S3, TargetSuite, TableReaderSuite, StoreSourceSuite, ServerSuite):
    pass


class TestSource(S3, ObjectSourceLaws):
    pass


class TestTables(S3, ObjectTableLaws):
    pass


@pytest.fixture
def bucket(moto):
    return moto.new_bucket()


def of_user(moto, bucket, user, **changes):
    return S3Connector(**{"root": f"s3://{bucket}/in", **moto.config(user), **changes})


def test_it_has_the_fields_of_dagsters_own_resource():
    from dagster_aws.s3 import S3Resource

    assert set(S3Resource.model_fields) <= set(S3Connector.model_fields)


def test_dagsters_own_resource_is_taken_over_with_its_secrets_unread(moto, bucket, monkeypatch):
    from dagster_aws.s3 import S3Resource

    given = moto.config("admin")
    secret = given["aws_secret_access_key"]
    hidden = dg.EnvVar("LUME_TEST_AWS_SECRET")
    resource = S3Resource(**{**given, "aws_secret_access_key": hidden, "max_attempts": 2})
    taken = S3Connector.from_resource(resource, root=f"s3://{bucket}/in")
    assert {name: getattr(taken, name) for name in S3Resource.model_fields} == {
        name: getattr(resource, name) for name in S3Resource.model_fields
    }
    with pytest.raises(ConnectorError, match="LUME_TEST_AWS_SECRET is not set"):
        list(taken.test())
    monkeypatch.setenv("LUME_TEST_AWS_SECRET", secret)
    assert list(taken.test())


@pytest.mark.parametrize("extra", ["s3", "snowflake"])
def test_an_extra_brings_no_components_that_each_dg_process_imports(extra):
    wanted = [r for r in requires("lume-dagster") or () if r.endswith(f"extra == '{extra}'")]
    assert wanted
    assert not [name for name in wanted if name.startswith("dagster")]


def test_a_user_who_may_read_makes_a_source(moto, bucket, tmp_path):
    put(of_user(moto, bucket, "admin"), "a.csv", b"x")
    reader = of_user(moto, bucket, "reader")
    said = list(reader.test())
    assert (
        f"lets the access key {moto.keys['reader'][0]} list s3://{bucket}/in: 1 object." in said[0]
    )
    needed = f"it needs s3:PutObject and s3:DeleteObject on s3://{bucket}."
    assert said[1].endswith(f"only be a source: {needed}")
    (item,) = reader.list_objects("*.csv")
    assert reader.fetch(item, tmp_path).read_bytes() == b"x"
    with pytest.raises(ConnectorError, match=r"does not let you delete .*\n.*s3:PutObject and"):
        reader.check(batch(tmp_path, "a", 1))


def test_a_user_who_may_not_list_reads_single_objects(moto, bucket):
    uri = put(of_user(moto, bucket, "admin"), "a.csv", b"x")
    getter = of_user(moto, bucket, "getter")
    assert [item.uri for item in getter.list_objects(uri)] == [uri]
    with pytest.raises(ConnectorError, match=r"does not let you list .*\n.*s3:ListBucket"):
        getter.list_objects("*.csv")
    with pytest.raises(
        ConnectorError, match=r"neither list nor write.*\n.*shows when one is named"
    ):
        list(getter.test())


def test_a_user_who_may_not_delete_is_refused_before_anything_is_written(moto, bucket, tmp_path):
    with pytest.raises(ConnectorError, match=r"does not let you delete .*\n.*s3:DeleteObject"):
        of_user(moto, bucket, "appender").check(batch(tmp_path, "a", 1))
    said = list(of_user(moto, bucket, "appender").test())
    assert "it needs s3:PutObject and s3:DeleteObject" in said[-1]
    assert keys(of_user(moto, bucket, "admin"), "") == []  # what tried it neither


def test_what_another_tries_at_the_same_time_is_no_data(moto, bucket):
    admin = of_user(moto, bucket, "admin")
    put(admin, f"{PROBE}0123", b"")
    uri = put(admin, "a.csv", b"x")
    assert [item.uri for item in admin.list_objects(uri.rpartition("/")[0])] == [uri]
    assert [item.uri for item in admin.list_objects("*")] == [uri]


def test_more_objects_than_a_page_are_all_listed(moto, bucket):
    connector = of_user(moto, bucket, "admin")
    store = connector._bucket.store
    wanted = [f"in/many/{n:04d}.csv" for n in range(1100)]
    asyncio.run(put_all(store, wanted))
    assert [o.uri for o in connector.list_objects("many")] == [f"s3://{bucket}/{k}" for k in wanted]
    assert len(connector.list_objects("many/*1.csv")) == 110


async def put_all(store, wanted):
    import obstore

    for start in range(0, len(wanted), 50):
        some = wanted[start : start + 50]
        await asyncio.gather(*(obstore.put_async(store, key, b"x") for key in some))


def test_a_key_that_no_client_can_name_is_told_of(moto, bucket):
    moto.client().put_object(Bucket=bucket, Key="in/a//b.csv", Body=b"x")
    with pytest.raises(BatchError, match=r"holds a key that cannot be named: .*a//b.csv"):
        of_user(moto, bucket, "admin").list_objects(f"s3://{bucket}/in")


def test_a_folder_made_in_the_console_is_no_object(moto, bucket):
    moto.client().put_object(Bucket=bucket, Key="in/a/", Body=b"")
    connector = of_user(moto, bucket, "admin")
    with pytest.raises(BatchError, match="nothing below it|is empty"):
        connector.list_objects("a/")
    uri = put(connector, "a/b.csv", b"x")
    assert [o.uri for o in connector.list_objects("a")] == [uri]


def test_the_version_of_a_versioned_object_is_told(moto, bucket, tmp_path):
    client = moto.client()
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    connector = of_user(moto, bucket, "admin")
    uri = put(connector, "a.csv", b"x")
    (item,) = connector.list_objects(uri)
    assert (
        item.version.split(" ")[1] == client.head_object(Bucket=bucket, Key="in/a.csv")["VersionId"]
    )
    assert connector.fetch(item, tmp_path).read_bytes() == b"x"


def test_credentials_come_from_the_environment(moto, bucket, monkeypatch):
    config = moto.config()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", config.pop("aws_access_key_id"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", config.pop("aws_secret_access_key"))
    assert len(list(S3Connector(root=f"s3://{bucket}", **config).test())) == 2


def test_credentials_and_region_come_from_a_profile(moto, bucket, monkeypatch, tmp_path):
    key_id, secret = moto.keys["admin"]
    credentials = f"[work]\naws_access_key_id = {key_id}\naws_secret_access_key = {secret}\n"
    (tmp_path / "credentials").write_text(credentials)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    place = {"root": f"s3://{bucket}", "endpoint_url": moto.url}
    assert len(list(S3Connector(**place, profile_name="work").test())) == 2
    with pytest.raises(ConnectorError, match="configuration cannot be used: .*nowhere"):
        list(S3Connector(**place, profile_name="nowhere").test())


def test_no_credentials_at_all_are_told_of(moto, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    connector = S3Connector(root="s3://b", endpoint_url=moto.url)
    with pytest.raises(ConnectorError, match="No AWS credentials were found"):
        list(connector.test())


def test_what_the_environment_says_does_not_mix_in(moto, bucket, monkeypatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of somebody else")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    assert len(list(of_user(moto, bucket, "admin").test())) == 2


def test_half_of_a_key_is_refused(moto):
    connector = S3Connector(root="s3://b", endpoint_url=moto.url, aws_access_key_id="AKIA")
    with pytest.raises(ConnectorError, match="two halves, and the connector is given one"):
        list(connector.test())
