"""What every table that can be read back must give: a flow's own rows, in order, exactly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lume_dagster.connectors.protocol import Reading
from lume_dagster.errors import LumeError
from lume_dagster.testing.deliveries import EVERY_TYPE, EVERY_VALUE, plain_value
from lume_dagster.testing.targets import HOSTILE, NEARLY_THE_SAME, TargetHooks

if TYPE_CHECKING:
    import pyarrow as pa

_A, _B = "a", 'b\'; -- ["x"] \\'


class TableReaderSuite(TargetHooks):
    """Inherit this for a target with ``read_table``."""

    def back(self, connector: Any, *paths: str, **asked: Any) -> pa.Table:
        """What is read back of ``ops.orders``."""
        reading = Reading(
            **{"table": "ops.orders", "flow": "orders", "source_paths": paths or None, **asked}
        )
        with connector.read_table(reading) as reader:
            return reader.read_all()

    @pytest.fixture
    def filled(self, connector: Any, tmp_path: Path) -> Any:
        """The connector with two batches of a flow, one of another, and one replaced."""
        rows = [{"id": i, "name": f"n{i}"} for i in range(300)]
        for run, (flow, path, part) in enumerate(
            [
                ("orders", _B, rows[:9]),
                ("orders", _B, rows[200:]),
                ("orders", _A, rows[:200][::-1]),
                ("returns", _A, rows[:3]),
            ]
        ):
            connector.deliver(
                self.make(tmp_path, part, flow=flow, source_path=path, run_id=f"run_{run}")
            )
        return connector

    def test_a_batch_is_read_back_in_its_order(self, filled: Any) -> None:
        """Its own rows and no other's, as they were delivered."""
        assert self.back(filled, _A)["id"].to_pylist() == list(range(199, -1, -1))
        assert self.back(filled, _B)["id"].to_pylist() == list(range(200, 300))

    @pytest.mark.parametrize("paths", [(), (_A, _B), (_B, _A, "nobody")])
    def test_batches_are_read_back_with_their_names(
        self, filled: Any, paths: tuple[str, ...]
    ) -> None:
        """All of the flow's, or those asked for."""
        table = self.back(filled, *paths)
        assert table["_lume_source_path"].to_pylist() == [_A] * 200 + [_B] * 100
        assert len(set(table["id"].to_pylist())) == 300

    @pytest.mark.parametrize("path", ["nobody", HOSTILE, "", "%", '"]'])
    def test_a_batch_that_is_not_there_is_no_row_of_the_same_columns(
        self, filled: Any, path: str
    ) -> None:
        """Whatever it is called."""
        none = self.back(filled, path)
        assert (none.num_rows, none.column_names) == (0, self.back(filled, _A).column_names)

    def test_batches_whose_names_are_nearly_the_same_are_told_apart(
        self, connector: Any, tmp_path: Path
    ) -> None:
        """All of one run, as a backfill brings them; two come again with it, and one in another."""
        paths = [path for path in NEARLY_THE_SAME[:8] if path]
        runs = [*((path, "run_1") for path in (*paths, *paths[:2])), (paths[2], "run_2")]
        for path, run in runs:
            rows = [{"id": number, "name": path} for number in range(2)]
            batch = self.make(tmp_path, rows, source_path=path, run_id=run, rejects=1)
            connector.deliver(batch)
        assert [self.back(connector, path)["name"].to_pylist() for path in paths] == [
            [path, path] for path in paths
        ]
        assert sorted(row[0] for row in self.rejected(connector)) == sorted(paths)

    def test_columns_are_read_as_asked_for(self, filled: Any) -> None:
        """Those, and the batch's name."""
        table = self.back(filled, _A, columns=("name",))
        assert table.column_names == ["name", "_lume_source_path"]
        assert table["name"][0].as_py() == "n199"

    def test_every_type_is_read_back(self, connector: Any, tmp_path: Path) -> None:
        """As the connector's source reads it."""
        connector.deliver(self.make(tmp_path, EVERY_VALUE, columns=EVERY_TYPE))
        rows = self.back(connector, "file:///in/orders.csv").to_pylist()
        found = [{c.name: plain_value(row[c.name], c.type) for c in EVERY_TYPE} for row in rows]
        assert found == [
            {c.name: self.drifted(c, row.get(c.name)) for c in EVERY_TYPE} for row in EVERY_VALUE
        ]

    def test_what_is_not_there_is_a_sentence(self, filled: Any) -> None:
        """A table or a column that does not exist."""
        with pytest.raises(LumeError, match=r"\w+ \w+"):
            self.back(filled, _A, table="ops.no_such_table")
        with pytest.raises(LumeError, match=r"(?i)no_such_column"):
            self.back(filled, _A, columns=("no_such_column",))

    def test_a_table_can_be_delivered_into_after_it_was_read(
        self, filled: Any, tmp_path: Path
    ) -> None:
        """Also by a reader that was left early: nothing is held on to."""
        reading = Reading("ops.orders", "orders")
        with filled.read_table(reading) as reader:
            reader.read_next_batch()
        filled.deliver(self.make(tmp_path, [{"id": 1}], source_path=_A, run_id="run_9"))
        assert self.back(filled, _A)["id"].to_pylist() == [1]
