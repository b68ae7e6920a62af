"""What a target must do that takes many batches at once: the same as one by one, all or nothing."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lume_dagster.connectors.protocol import Column, Delivery, ManyTarget, WriteMode
from lume_dagster.errors import ConnectorError, LumeError
from lume_dagster.testing.crash import deliver_and_die
from lume_dagster.testing.targets import HOSTILE, MODES, TargetHooks

_PATHS = ("file:///in/a.csv", "file:///in/empty.csv", HOSTILE)
_ROWS: Sequence[Sequence[Mapping[str, Any]]] = (
    [{"id": 1, "name": "one"}, {"id": 2, "name": None}],
    [],
    [{"id": 2, "name": "two"}, {"id": 3, "name": "three"}],
)


class ManyTargetSuite(TargetHooks):
    """Inherit this too for a connector with ``deliver_many``."""

    def group(self, folder: Path, **changes: Any) -> list[Delivery]:
        """Batches that share keys; one is empty, and one has rejects."""
        return [
            self.make(folder, rows, source_path=path, rejects=number % 2, **changes)
            for number, (path, rows) in enumerate(zip(_PATHS, _ROWS, strict=True))
        ]

    def state(self, connector: Any) -> tuple[Any, Any]:
        """All that the tables hold, but for the runs that brought it."""
        mapped = [(path, row, values) for path, _, row, values in self.held(connector)]
        return mapped, [(path, row) for path, _, row in self.rejected(connector)]

    @pytest.mark.parametrize("mode", MODES)
    def test_many_at_once_leave_what_one_by_one_leave(
        self, connector: Any, tmp_path: Path, mode: WriteMode
    ) -> None:
        """Into new tables and over what was there, whichever way it had come."""
        assert isinstance(connector, ManyTarget)
        group = self.group(tmp_path, mode=mode)
        receipts = connector.deliver_many(group)
        at_once = self.state(connector)
        again = [connector.deliver(replace(d, run_id="run_2")) for d in group]
        assert self.state(connector) == at_once
        connector.deliver_many([replace(d, run_id="run_3") for d in group])
        assert self.state(connector) == at_once
        assert {row[1] for row in self.held(connector)} == {"run_3"}
        counts = [[(r.mapped_rows, r.rejects_rows) for r in each] for each in (receipts, again)]
        assert counts[0] == counts[1]

    def test_many_at_once_leave_other_batches_and_other_flows_alone(
        self, connector: Any, tmp_path: Path
    ) -> None:
        """What the group does not bring stays; of what it brings again, the earlier goes."""
        other = self.make(tmp_path, _ROWS[0], source_path="file:///other", run_id="run_0")
        foreign = self.make(tmp_path, _ROWS[0], source_path=_PATHS[0], flow="x", run_id="run_x")
        earlier = self.make(tmp_path, _ROWS[2], source_path=_PATHS[0], run_id="run_1", rejects=3)
        for delivery in (other, foreign, earlier):
            connector.deliver(delivery)
        connector.deliver_many(self.group(tmp_path, run_id="run_2"))
        runs = [row[1] for row in self.held(connector)]
        assert sorted(runs) == ["run_0"] * 2 + ["run_2"] * 4 + ["run_x"] * 2
        assert {row[1] for row in self.rejected(connector)} == {"run_2"}

    def test_one_that_cannot_be_delivered_keeps_all_of_them_out(
        self, connector: Any, tmp_path: Path
    ) -> None:
        """A file that is no Parquet file, in the middle of the group."""
        connector.deliver(self.make(tmp_path, _ROWS[0]))
        before = self.held(connector), self.rejected(connector)
        group = self.group(tmp_path, run_id="run_2")
        group[1].mapped[0].write_bytes(b"damaged")
        with pytest.raises(LumeError, match=r"\w+ \w+"):
            connector.deliver_many(group)
        assert (self.held(connector), self.rejected(connector)) == before

    def test_a_table_of_another_shape_refuses_the_group(
        self, connector: Any, tmp_path: Path
    ) -> None:
        """As it refuses a batch alone."""
        connector.deliver_many(self.group(tmp_path))
        before = self.held(connector)
        changed = (Column("id", "integer"), Column("extra", "integer"))
        with pytest.raises(ConnectorError, match="missing: extra"):
            connector.deliver_many([replace(d, columns=changed) for d in self.group(tmp_path)])
        assert self.held(connector) == before

    @pytest.mark.parametrize("mode", ["replace_batch", "merge"])
    def test_killed_among_many_each_batch_is_there_once_after_a_retry(
        self, connector: Any, config: Mapping[str, Any], tmp_path: Path, mode: WriteMode
    ) -> None:
        """SIGKILL at every step: all of the group or nothing of it, and all of it after a retry."""
        old = self.make(tmp_path, _ROWS[2], source_path=_PATHS[0], run_id="run_0", mode="replace")
        group = self.group(tmp_path, mode=mode, run_id="run_2")
        connector.deliver(old)
        before = self.held(connector)
        steps: list[str] = []
        connector.deliver_many(group, steps.append)
        after = self.held(connector), self.rejected(connector)
        assert {"connected", "staged", "before_commit", "after_commit"} <= set(steps)
        for step in range(len(steps)):
            connector.deliver(old)
            code = deliver_and_die(self.connector_type, config, group, step)
            assert code == -signal.SIGKILL, f"at {steps[step]}"
            assert self.held(connector) in (before, after[0]), f"killed at {steps[step]}"
            connector.deliver_many(group)
            assert (self.held(connector), self.rejected(connector)) == after, steps[step]
