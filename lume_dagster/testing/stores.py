"""What every store must do as a source: find the files of a batch, whatever they are called."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lume_dagster.errors import BatchError
from lume_dagster.testing.connectors import ConnectorSuite

#: Names that a store must keep apart from what they mean elsewhere.
_NAMES = (
    "a+b",
    "a%2Fb",
    "[x]",
    "q?",
    "st*r",
    "#h",
    "it's",
    "x..y",
    "a&b=c",
    "$d;",
    "~t",
    "{a}",
    "🎈",
)


class StoreSourceSuite(ConnectorSuite):
    """Inherit this for a store of files."""

    def put(self, config: Mapping[str, Any], name: str, content: bytes) -> str:
        """Store a file under a name that may hold slashes; returns its source_path."""
        raise NotImplementedError

    def read(self, connector: Any, source_path: str, into: Path) -> list[bytes]:
        """The contents of the files a source_path names, in order."""
        into.mkdir(exist_ok=True)
        objects = connector.list_objects(source_path)
        return [connector.fetch(item, into).read_bytes() for item in objects]

    def test_a_file_comes_back_byte_by_byte(
        self, connector: Any, config: Mapping[str, Any], tmp_path: Path
    ) -> None:
        """Any bytes, any name."""
        content = bytes(range(256)) * 100
        path = self.put(config, "in/zażółć & + = %20 漢.csv", content)
        assert self.read(connector, path, tmp_path / "into") == [content]

    def test_an_empty_file_is_a_file(
        self, connector: Any, config: Mapping[str, Any], tmp_path: Path
    ) -> None:
        """It was delivered, and holds nothing."""
        path = self.put(config, "in/empty.csv", b"")
        assert self.read(connector, path, tmp_path / "into") == [b""]

    def test_a_name_is_taken_as_it_stands(
        self, connector: Any, config: Mapping[str, Any], tmp_path: Path
    ) -> None:
        """What means something in a URI, a glob or a shell is a letter of the name."""
        names = [f"in/{name}.csv" for name in _NAMES]
        paths = [self.put(config, name, name.encode()) for name in names]
        found = [self.read(connector, path, tmp_path / "into") for path in paths]
        assert found == [[name.encode()] for name in names]

    def test_a_folder_is_its_files_in_name_order(
        self, connector: Any, config: Mapping[str, Any], tmp_path: Path
    ) -> None:
        """All below it, sorted, whatever order they were stored in."""
        paths = [self.put(config, f"in/{name}", name.encode()) for name in ("b", "a", "c/d")]
        folder = paths[0].rsplit("/", 1)[0]
        assert self.read(connector, folder, tmp_path / "into") == [b"a", b"b", b"c/d"]

    def test_a_glob_is_the_files_it_matches(
        self, connector: Any, config: Mapping[str, Any], tmp_path: Path
    ) -> None:
        """Only those, sorted."""
        paths = [self.put(config, f"in/{n}", n.encode()) for n in ("2.csv", "1.csv", "1.txt")]
        glob = paths[0].rsplit("/", 1)[0] + "/*.csv"
        assert self.read(connector, glob, tmp_path / "into") == [b"1.csv", b"2.csv"]

    def test_a_file_that_changes_has_another_version(
        self, connector: Any, config: Mapping[str, Any]
    ) -> None:
        """Two deliveries under one name can be told apart."""
        path = self.put(config, "in/a.csv", b"one")
        before = connector.list_objects(path)[0]
        self.put(config, "in/a.csv", b"three")
        after = connector.list_objects(path)[0]
        assert (before.uri, before.size, after.size) == (after.uri, 3, 5)
        assert before.version != after.version

    @pytest.mark.parametrize("missing", ["/nope.csv", "/none/*.csv", "/none"])
    def test_what_is_not_there_is_a_sentence(
        self, connector: Any, config: Mapping[str, Any], missing: str
    ) -> None:
        """No file, no match: an error that says so."""
        folder = self.put(config, "in/orders.csv", b"x").rsplit("/", 1)[0]
        with pytest.raises(BatchError, match=r"(?i)no file|not there|empty"):
            connector.list_objects(folder + missing)
