"""Connectors are found by entry point, and named when they are not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lume_dagster.connectors.hidden import without_secrets
from lume_dagster.connectors.registry import connector_class, connector_kinds
from lume_dagster.errors import ConnectorError


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a package with entry points on the path, as an installer would."""

    def installed(package, *lines):
        info = tmp_path / package / f"{package}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        points = "\n".join(["[lume_dagster.connectors]", *lines])
        (info / "entry_points.txt").write_text(points + "\n")
        monkeypatch.syspath_prepend(tmp_path / package)

    return installed


def test_a_third_partys_connector_is_found_by_its_kind(install):
    install("lume_mine", "mine = lume_dagster.connectors.local_files.connector:LocalFilesConnector")
    assert connector_class("mine").kind == "local_files"


def test_an_unknown_kind_is_answered_with_the_nearest(install):
    install("lume_mine", "postcards = x:Y")
    with pytest.raises(
        ConnectorError, match=r"no connector of the kind 'postcard'.*\n.*'postcards'"
    ):
        connector_class("postcard")


def test_a_connector_that_cannot_be_imported_says_which_entry_point(install):
    install("lume_mine", "broken = no_such_module:Connector")
    with pytest.raises(ConnectorError, match="no_such_module:Connector, which cannot be imported"):
        connector_class("broken")


def test_two_packages_with_one_kind_are_refused(install):
    install("lume_one", "same = a:A")
    install("lume_two", "same = b:B")
    with pytest.raises(ConnectorError, match=r"Two installed packages offer .* 'same'"):
        connector_kinds()


def test_the_shipped_connectors_come_through_the_same_door():
    for kind in ("duckdb", "local_files", "postgres"):
        assert connector_class(kind).kind == kind


def test_importing_connectors_imports_no_engine_and_no_driver():
    code = (
        "import sys, lume_dagster.connectors as c; c.LocalFilesConnector; c.DuckDBConnector; "
        "c.PostgresConnector; "
        "print([m for m in ('duckdb', 'pyarrow', 'adbc_driver_postgresql', 'sqlglot', 'pandas') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_secret_is_blotted_out_whole_and_one_of_few_letters_does_not_tell_them():
    shown = without_secrets("denied: hunter22 and hunter2, supported", ["hunter2", "hunter22", "p"])
    assert shown == "denied: ••• and •••, supported"
