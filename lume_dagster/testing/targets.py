"""What every target must do: four write modes, exactly once, exact types, clear refusals."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from lume_dagster.connectors.protocol import Column, Delivery, WriteMode
from lume_dagster.errors import ConnectorError
from lume_dagster.testing.connectors import ConnectorSuite
from lume_dagster.testing.crash import deliver_and_die, steps_of
from lume_dagster.testing.deliveries import (
    EVERY_TYPE,
    EVERY_VALUE,
    PLAIN,
    make_delivery,
    plain_value,
)

if TYPE_CHECKING:
    import pyarrow as pa

HOSTILE = """x'; DROP TABLE "ops"."orders"; -- $1 :source_path %s {} \\"""
MODES = get_args(WriteMode)
#: Texts that one collation or another takes for the same.
NEARLY_THE_SAME = (
    *("a", "A", "\u00e1", "a ", " a", "a\u0301", "\uff41", "\u00df", "ss", "\u0130", "i", "\u0131"),
    *("\ufb01", "fi", "", "🎈", "🎃", "1", "01", "1.0", "NULL", "\\N"),
)
Held = list[tuple[str, str, int, tuple[Any, ...]]]

_OLD = [{"id": 1, "name": "one"}, {"id": 2, "name": "two"}]
_NEW = [{"id": 2, "name": "TWO"}, {"id": 3, "name": None}]
_OTHER = "file:///in/other.csv"
#: Modes in which a batch takes away all that it brought before, and nothing else: what is delivered
#: once more leads back to where it was.
_THERE_AND_BACK = ("replace_batch", "append")


class TargetHooks(ConnectorSuite):
    """What a target under test must say, and how its tables are looked at."""

    #: How deliveries ask for their files to be written; only stores look at it.
    file_format = "parquet"

    def read_rejects(self, connector: Any, table: str) -> pa.Table:
        """All rejects of a table; no row where there is none."""
        raise NotImplementedError

    def read_mapped(self, connector: Any, table: str) -> pa.Table:
        """All mapped rows of a table, in the system's own types; no row where there is no table."""
        raise NotImplementedError

    def make(self, folder: Path, rows: Any = (), **changes: Any) -> Delivery:
        """A delivery in the suite's file format."""
        return make_delivery(folder, rows, **{"format": self.file_format, **changes})

    def held(self, connector: Any, columns: tuple[Column, ...] = PLAIN) -> Held:
        """What the table holds: source path, run, row and values of each row, in order."""
        rows = self.read_mapped(connector, "ops.orders").to_pylist()
        return sorted(
            (
                row["_lume_source_path"],
                row["_lume_run_id"],
                int(row["_lume_row"]),
                tuple(plain_value(row[c.name], c.type) for c in columns),
            )
            for row in rows
        )

    def rejected(self, connector: Any) -> list[tuple[str, str, int]]:
        """Source path, run and row of each reject, in order."""
        rows = self.read_rejects(connector, "ops.orders").to_pylist()
        names = ("_lume_source_path", "_lume_run_id")
        return sorted((row[names[0]], row[names[1]], int(row["_lume_row"])) for row in rows)


class WriteSuite(TargetHooks):
    """Modes, scopes, types and refusals."""

    def test_rows_and_rejects_arrive_with_where_they_came_from(
        self, connector: Any, tmp_path: Path
    ) -> None:
        """Mapped rows in the table, rejects beside them, both with run, batch and row."""
        delivery = self.make(tmp_path, _OLD, rejects=1)
        connector.check(delivery)
        receipt = connector.deliver(delivery)
        assert (receipt.mapped_rows, receipt.rejects_rows) == (2, 1)
        path = delivery.source_path
        assert self.held(connector) == [
            (path, "run_1", 1, (1, "one")),
            (path, "run_1", 2, (2, "two")),
        ]
        assert self.rejected(connector) == [(path, "run_1", 3)]

    @pytest.mark.parametrize("mode", MODES)
    def test_a_repeated_delivery_leaves_the_same_rows(
        self, connector: Any, tmp_path: Path, mode: WriteMode
    ) -> None:
        """However often a batch is delivered, it is there once."""
        delivery = self.make(tmp_path, _OLD, mode=mode, rejects=2)
        connector.deliver(delivery)
        before = self.held(connector), self.rejected(connector)
        connector.deliver(delivery)
        assert (self.held(connector), self.rejected(connector)) == before
        connector.deliver(replace(delivery, run_id="run_2"))
        again = self.held(connector), self.rejected(connector)
        assert [row[2:] for row in again[0]] == [row[2:] for row in before[0]]
        assert {row[1] for rows in again for row in rows} == {"run_2"}

    def test_replace_batch_leaves_other_batches_and_other_flows_alone(
        self, connector: Any, tmp_path: Path
    ) -> None:
        """The scope of ``replace_batch`` is the flow and the batch, whatever the version."""
        connector.deliver(self.make(tmp_path, _OLD, rejects=1))
        connector.deliver(self.make(tmp_path, _OLD, source_path=_OTHER, run_id="run_2"))
        connector.deliver(self.make(tmp_path, _OLD, flow="returns", run_id="run_3"))
        connector.deliver(self.make(tmp_path, _NEW, version=2, run_id="run_4"))
        runs = [row[1] for row in self.held(connector)]
        assert sorted(runs) == ["run_2", "run_2", "run_3", "run_3", "run_4", "run_4"]
        assert self.rejected(connector) == []

    def test_append_replaces_only_the_batch_of_its_own_version(
        self, connector: Any, tmp_path: Path
    ) -> None:
        """Versions lie side by side under ``append``; rejects are the last version's."""
        first = self.make(tmp_path, _OLD, mode="append", rejects=1)
        connector.deliver(first)
        second = replace(self.make(tmp_path, _NEW, rejects=1), mode="append", version=2)
        connector.deliver(replace(second, run_id="run_2"))
        connector.deliver(replace(second, run_id="run_3"))
        assert [row[1] for row in self.held(connector)] == ["run_1", "run_1", "run_3", "run_3"]
        assert [row[1] for row in self.rejected(connector)] == ["run_3"]

    def test_merge_replaces_rows_of_the_same_key_and_keeps_the_others(
        self, connector: Any, tmp_path: Path
    ) -> None:
        """One row a key, from whichever batch brought it last."""
        connector.deliver(self.make(tmp_path, _OLD, mode="merge", rejects=1))
        connector.deliver(
            self.make(tmp_path, _NEW, mode="merge", source_path=_OTHER, run_id="run_2")
        )
        values = sorted((row[3], row[1]) for row in self.held(connector))
        assert values == [((1, "one"), "run_1"), ((2, "TWO"), "run_2"), ((3, None), "run_2")]
        assert len(self.rejected(connector)) == 1

    def test_merge_takes_the_last_row_of_a_key_and_knows_an_absent_key(
        self, connector: Any, tmp_path: Path
    ) -> None:
        """A key field that is empty is equal to an empty one."""
        rows = [{"id": 1, "name": None}, {"id": 2, "name": "x"}, {"id": 3, "name": None}]
        delivery = self.make(tmp_path, rows, mode="merge", key=("name",))
        connector.deliver(delivery)
        receipt = connector.deliver(replace(delivery, run_id="run_2"))
        assert receipt.mapped_rows == 2
        assert sorted(row[3] for row in self.held(connector)) == [(2, "x"), (3, None)]

    def test_keys_that_are_nearly_the_same_are_different_keys(
        self, connector: Any, tmp_path: Path
    ) -> None:
        """Whatever the system's collation takes for equal; and each is equal to itself."""
        rows = [{"id": number, "name": key} for number, key in enumerate(NEARLY_THE_SAME)]
        merged = {"mode": "merge", "key": ("name",)}
        for run in ("run_1", "run_2"):
            connector.deliver(self.make(tmp_path, rows, **merged, run_id=run))
        held = [(row[1], row[3]) for row in self.held(connector)]
        assert held == [("run_2", tuple(row.values())) for row in rows]

    def test_merge_passes_over_a_batch_of_which_only_rejects_are_left(
        self, connector: Any, tmp_path: Path
    ) -> None:
        """``replace`` leaves such batches behind."""
        connector.deliver(self.make(tmp_path, _OLD, source_path=_OTHER, rejects=1))
        connector.deliver(self.make(tmp_path, _OLD, mode="replace", run_id="run_2"))
        connector.deliver(self.make(tmp_path, _NEW, mode="merge", run_id="run_3"))
        assert sorted(row[3][0] for row in self.held(connector)) == [1, 2, 3]
        assert [row[0] for row in self.rejected(connector)] == [_OTHER]

    def test_replace_leaves_only_its_own_rows_but_the_rejects_of_others(
        self, connector: Any, tmp_path: Path
    ) -> None:
        """The whole table is replaced."""
        connector.deliver(self.make(tmp_path, _OLD, source_path=_OTHER, rejects=1))
        connector.deliver(self.make(tmp_path, _OLD))
        connector.deliver(self.make(tmp_path, _NEW, mode="replace", run_id="run_2", rejects=1))
        assert {row[1] for row in self.held(connector)} == {"run_2"}
        assert [row[0] for row in self.rejected(connector)] == [
            "file:///in/orders.csv",
            _OTHER,
        ]

    def test_a_batch_goes_when_its_mode_changes(self, connector: Any, tmp_path: Path) -> None:
        """Rows that one mode wrote are found by another."""
        connector.deliver(self.make(tmp_path, _OLD, mode="append"))
        connector.deliver(self.make(tmp_path, _NEW, mode="merge", run_id="run_2"))
        connector.deliver(self.make(tmp_path, _OLD, run_id="run_3"))
        assert [row[1] for row in self.held(connector)] == ["run_3", "run_3"]

    @pytest.mark.parametrize("mode", MODES)
    def test_an_empty_batch_is_a_batch(
        self, connector: Any, tmp_path: Path, mode: WriteMode
    ) -> None:
        """No row is a result too, and it replaces the rows that were there."""
        connector.deliver(self.make(tmp_path, _OLD, mode=mode, rejects=1))
        receipt = connector.deliver(self.make(tmp_path, mode=mode, run_id="run_2"))
        assert (receipt.mapped_rows, receipt.rejects_rows) == (0, 0)
        assert len(self.held(connector)) == (2 if mode == "merge" else 0)
        assert self.rejected(connector) == []

    def test_every_type_comes_back_exactly(self, connector: Any, tmp_path: Path) -> None:
        """No value changes on its way."""
        delivery = self.make(tmp_path, EVERY_VALUE, columns=EVERY_TYPE)
        connector.check(delivery)
        connector.deliver(delivery)
        found = {row[3][0]: row[3] for row in self.held(connector, EVERY_TYPE)}
        assert found == {
            row["id"]: tuple(self.drifted(c, row.get(c.name)) for c in EVERY_TYPE)
            for row in EVERY_VALUE
        }

    def test_a_table_of_another_shape_is_refused_before_anything_is_written(
        self, connector: Any, tmp_path: Path
    ) -> None:
        """The refusal names what is missing, what is too much and what differs."""
        connector.deliver(self.make(tmp_path, _OLD))
        before = self.held(connector)
        changed = (Column("id", "string"), Column("extra", "integer"))
        rows = [{"id": "1", "extra": 1}]
        delivery = self.make(tmp_path, rows, columns=changed, run_id="run_2")
        for act in (connector.check, connector.deliver):
            with pytest.raises(ConnectorError, match=r"(?i)missing: extra.*name.*different: id"):
                act(delivery)
        assert self.held(connector) == before

    def test_a_hostile_source_path_is_a_value(self, connector: Any, tmp_path: Path) -> None:
        """Whatever a batch is called, it is stored under that name and changes nothing else."""
        connector.deliver(self.make(tmp_path, _OLD))
        hostile = self.make(tmp_path, _NEW, source_path=HOSTILE, run_id="run_'2", rejects=1)
        connector.deliver(hostile)
        connector.deliver(hostile)
        paths = [row[0] for row in self.held(connector)]
        assert paths == ["file:///in/orders.csv"] * 2 + [HOSTILE] * 2
        assert [row[0] for row in self.rejected(connector)] == [HOSTILE]

    def test_a_value_that_does_not_fit_is_refused_and_nothing_is_written(
        self, connector: Any, tmp_path: Path
    ) -> None:
        """A text in a column of integers: the old rows stay."""
        columns = (Column("id", "integer"), Column("name", "integer"))
        connector.deliver(self.make(tmp_path, [{"id": 1}], columns=columns, rejects=1))
        before = self.held(connector, columns), self.rejected(connector)
        wrong = replace(self.make(tmp_path, _OLD, run_id="run_2"), columns=columns)
        with pytest.raises(ConnectorError, match=r"\w+ \w+"):
            connector.deliver(wrong)
        assert (self.held(connector, columns), self.rejected(connector)) == before

    @pytest.mark.parametrize(
        "name", ['we"ird `name`]; --', "zażółć 漢字", "select", "Id", "🎈", "n" * 300]
    )
    def test_a_hostile_column_name_arrives_or_is_refused_at_once(
        self, connector: Any, tmp_path: Path, name: str
    ) -> None:
        """A name is quoted; one that the system cannot keep is refused before it is written."""
        columns = (Column("key", "integer"), Column(name, "string"))
        delivery = self.make(tmp_path, [{"key": 1, name: "x"}], columns=columns, key=("key",))
        try:
            connector.check(delivery)
        except ConnectorError as refusal:
            assert name in str(refusal)  # noqa: PT017 - one or the other
            assert self.read_mapped(connector, delivery.table).num_rows == 0
        else:
            connector.deliver(delivery)
            assert [row[3] for row in self.held(connector, columns)] == [(1, "x")]

    def test_a_wide_batch_arrives(self, connector: Any, tmp_path: Path) -> None:
        """A hundred and fifty columns, each with its own value."""
        names = [f"c{number}" for number in range(150)]
        columns = (Column("id", "integer"), *(Column(name, "string") for name in names))
        row = {"id": 1, **{name: f"value of {name}" for name in names}}
        connector.deliver(self.make(tmp_path, [row], columns=columns))
        assert [held[3] for held in self.held(connector, columns)] == [tuple(row.values())]

    def test_a_name_that_is_no_table_is_refused(self, connector: Any, tmp_path: Path) -> None:
        """An empty part of a name is a mistake."""
        with pytest.raises(ConnectorError, match="not the name of a table"):
            connector.check(self.make(tmp_path, _OLD, table="ops..orders"))


class ExactlyOnceSuite(TargetHooks):
    """A delivery that is killed, and its retry."""

    @pytest.mark.parametrize("mode", MODES)
    def test_a_killed_delivery_leaves_the_batch_once_after_a_retry(
        self, connector: Any, config: Mapping[str, Any], tmp_path: Path, mode: WriteMode
    ) -> None:
        """SIGKILL at every step: old rows, new rows or none before the retry, new rows after it."""
        old = self.make(tmp_path, _OLD, mode=mode, rejects=1)
        new = self.make(tmp_path, _NEW, mode=mode, run_id="run_2", rejects=2)
        other = self.make(tmp_path, [{"id": 9, "name": "n"}], source_path=_OTHER, run_id="run_0")
        at_first = self._start_over(connector, old, other)
        steps = steps_of(connector, new)
        assert {"connected", "staged", "before_commit", "after_commit"} <= set(steps)
        there, back = (new, self._state(connector)), (old, at_first)
        for number, step in enumerate(steps):
            if mode in _THERE_AND_BACK:
                there, back = back, there
            else:
                assert self._start_over(connector, old, other) == at_first
            (delivery, wanted), (_, before) = there, back
            code = deliver_and_die(self.connector_type, config, delivery, number)
            assert code == -signal.SIGKILL, f"at {step}"
            self._assert_old_new_or_none(connector, before[0], wanted[0], step)
            connector.deliver(delivery)
            assert self._state(connector) == wanted, step

    def _start_over(self, connector: Any, old: Delivery, other: Delivery) -> tuple[Held, Any]:
        """Bring the table to hold ``old`` and ``other`` and nothing else."""
        connector.deliver(replace(old, mode="replace"))
        connector.deliver(other)
        return self._state(connector)

    def _state(self, connector: Any) -> tuple[Held, Any]:
        return self.held(connector), self.rejected(connector)

    def _assert_old_new_or_none(self, connector: Any, before: Held, after: Held, step: str) -> None:
        held = self.held(connector)
        others = [row for row in before if row[0] == _OTHER]
        assert held in (before, after, others, []), f"killed at {step}"


class TargetSuite(WriteSuite, ExactlyOnceSuite):
    """Inherit this for a connector that is a target."""
