"""What a source_path means in an object store: globs as files have them, and never outside a root."""

from __future__ import annotations

import glob
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lume_dagster.connectors import AzureBlobConnector, S3Connector
from lume_dagster.connectors.azure_blob.account import account_of
from lume_dagster.connectors.azure_blob.uris import parse_uri
from lume_dagster.connectors.object_store.address import Address, key_below, parse_root
from lume_dagster.connectors.object_store.globs import matches
from lume_dagster.errors import BatchError, ConnectorError

NAMES = st.text(alphabet="ab.[]1-!", min_size=1, max_size=3).filter(lambda n: n.strip("."))
KEYS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
PARTS = st.one_of(NAMES, st.sampled_from(["*", "**", "?", "*.a", "[ab]*", "[!a]", ".*", "a**"]))
GLOBS = st.lists(PARTS, min_size=1, max_size=4).map("/".join).filter(glob.has_magic)
S3 = S3Connector(root="s3://in").parse
ROOT = Address("in", "home")


@settings(max_examples=80, deadline=None)
@given(keys=st.lists(KEYS, min_size=1, max_size=6), pattern=GLOBS)
@example(keys=["a/b", "a/.b/c", "a"], pattern="**")
@example(keys=["a/b", "a/b/c", "b"], pattern="**/b")
def test_a_glob_means_the_keys_that_it_would_mean_as_files(keys, pattern):
    with tempfile.TemporaryDirectory() as root:
        stored = [key for key in keys if place(Path(root, key))]
        files = glob.glob(pattern, root_dir=root, recursive=True)  # noqa: PTH207 - it is the law
        # of a file "a" Python lists "a/" for "a/**", which no file has below it
        wanted = {n for n in files if not n.endswith("/") and Path(root, n).is_file()}
    assert {key for key in stored if matches(pattern, key)} == wanted


def place(path):
    """Make a file; False where a file is in the way of its folder, or a folder in its own."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except (NotADirectoryError, FileExistsError):
        return False
    return path.is_file()


def test_a_hostile_glob_is_answered_at_once():
    assert not matches("**/a/" * 60 + "b", "a/" * 300 + "c")
    assert not matches("*a" * 30 + "b", "a" * 500)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("a.csv", "home/a.csv"),
        ("in/a b+c%20#?.csv", "home/in/a b+c%20#?.csv"),
        ("s3://in/home/a.csv", "home/a.csv"),
        ("s3a://in/home/*/a.csv", "home/*/a.csv"),
        ("s3://in/home", "home"),
        ("s3://in/home/", "home/"),
    ],
)
def test_a_source_path_is_a_key_below_the_root(path, key):
    assert key_below(ROOT, path, S3, "s3://in/home") == key


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "is empty"),
        ("s3://other/home/a", "outside the connector's root s3://in/home"),
        ("s3://in/a", "outside the connector's root"),
        ("s3://in/homely/a", "outside the connector's root"),
        ("file:///etc/passwd", "not a URI of this connector's store"),
        ("../a", "goes up with"),
        ("s3://in/home/../a", "goes up with"),
        ("a//b", "empty part"),
        ("/a", "empty part"),
        ("a\nb", "control character"),
        ("a\0b", "control character"),
    ],
)
def test_what_is_not_below_the_root_is_refused(path, said):
    with pytest.raises(BatchError, match=said):
        key_below(ROOT, path, S3, "s3://in/home")


@pytest.mark.parametrize("root", ["in", "", "s3://", "s3://in/../x", "az://in"])
def test_a_root_that_is_no_place_in_the_store_is_refused(root):
    with pytest.raises(ConnectorError, match=r"root is not the URI.*\n.*s3://bucket/folder"):
        parse_root(root, S3, "s3://bucket/folder")


ACCOUNT = account_of("acme", None, None)
LOCAL = account_of(None, "http://127.0.0.1:10000/devstoreaccount1", None)


@pytest.mark.parametrize(
    ("uri", "account"),
    [
        ("az://in/a b/%20.csv", ACCOUNT),
        ("abfss://in@acme.dfs.core.windows.net/a b/%20.csv", ACCOUNT),
        ("wasbs://in@acme.blob.core.windows.net/a b/%20.csv", ACCOUNT),
        ("abfs://in/a b/%20.csv", ACCOUNT),
        ("https://acme.blob.core.windows.net/in/a%20b/%2520.csv", ACCOUNT),
        ("https://acme.dfs.core.windows.net/in/a%20b/%2520.csv", ACCOUNT),
        ("http://127.0.0.1:10000/devstoreaccount1/in/a%20b/%2520.csv", LOCAL),
    ],
)
def test_a_blob_may_be_written_in_any_of_these_forms(uri, account):
    assert parse_uri(uri, account) == Address("in", "a b/%20.csv")


@pytest.mark.parametrize("uri", ["s3://in/a", "in/a", "file:///in/a"])
def test_other_uris_are_not_of_azure(uri):
    assert parse_uri(uri, ACCOUNT) is None


@pytest.mark.parametrize(
    "uri", ["https://other.blob.core.windows.net/in/a", "abfss://in@other.dfs.core.windows.net/a"]
)
def test_a_blob_of_another_account_is_refused(uri):
    with pytest.raises(BatchError, match="'other' is another than the connector's, 'acme'"):
        parse_uri(uri, ACCOUNT)


def test_a_sas_in_a_source_path_is_refused_and_not_repeated():
    uri = "https://acme.blob.core.windows.net/in/a.csv?sv=2023&sig=hunter2"
    with pytest.raises(BatchError, match="must not hold a SAS") as caught:
        parse_uri(uri, ACCOUNT)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "name", "url"),
    [
        ("AccountName=acme;AccountKey=a2V5==", "acme", "https://acme.blob.core.windows.net"),
        (
            "DefaultEndpointsProtocol=http;AccountName=acme;AccountKey=a2V5==;EndpointSuffix=core.chinacloudapi.cn",
            "acme",
            "http://acme.blob.core.chinacloudapi.cn",
        ),
        (
            "BlobEndpoint=http://127.0.0.1:10000/dev/;AccountName=dev;AccountKey=a2V5==",
            "dev",
            "http://127.0.0.1:10000/dev",
        ),
        (
            "BlobEndpoint=https://acme.blob.core.windows.net;SharedAccessSignature=sv=1&sig=x",
            "acme",
            "https://acme.blob.core.windows.net",
        ),
    ],
)
def test_a_connection_string_names_the_account(text, name, url):
    found = account_of(None, None, text)
    assert (found.name, found.url) == (name, url)
    assert (found.key, found.sas) in {("a2V5==", None), (None, "sv=1&sig=x")}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ((None, None, None), "names no storage account"),
        ((None, None, "AccountName=acme"), "not that of a storage account"),
        ((None, None, "UseDevelopmentStorage=true"), "neither host nor key"),
        (("acme", None, "AccountName=acme;AccountKey=x"), "an account beside it"),
        ((None, "acme.blob.core.windows.net", None), "not the URL of a storage account"),
        ((None, "https://acme.blob.core.windows.net?sig=x", None), "not the URL"),
    ],
)
def test_an_account_that_is_not_said_is_refused(fields, said):
    with pytest.raises(ConnectorError, match=said):
        account_of(*fields)


def test_a_dfs_endpoint_is_spoken_to_by_its_blob_endpoint():
    account = account_of(None, "https://acme.dfs.core.windows.net/", None)
    assert (account.name, account.url) == ("acme", "https://acme.blob.core.windows.net")


def test_secrets_of_azure_do_not_show():
    text = "AccountName=acme;AccountKey=aHVudGVyMg=="
    connector = AzureBlobConnector(root="az://in", connection_string=text)
    shown = repr(connector) + repr(connector._login) + repr(connector._account)
    assert "aHVudGVyMg" not in shown
