"""Exactly once on Databricks without transactions: lost answers, conflicts, the dead and the living."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest

from lume_dagster.connectors import DatabricksConnector
from lume_dagster.connectors.databricks.session import _is_transient
from lume_dagster.connectors.protocol import Column
from lume_dagster.errors import ConnectorError, TransientError
from lume_dagster.testing.crash import deliver_and_die, steps_of
from lume_dagster.testing.deliveries import make_delivery

OLD, NEW = [{"id": 1, "name": "one"}], [{"id": 2, "name": "two"}]
CONFLICT = "[DELTA_CONCURRENT_APPEND.WITHOUT_HINT] Transaction conflict detected. SQLSTATE: 2D521"
STEPS = ["connected", "staged", "before_commit", "mapped", "rejects", "after_commit"]


@pytest.fixture
def lake(warehouse_server):
    return DatabricksConnector(**warehouse_server.config(), conflict_timeout_seconds=60)


@pytest.fixture
def ask(warehouse_server):
    def asked(query, **values):
        return sorted(tuple(row) for row in warehouse_server.run(query, **values))

    return asked


@pytest.fixture
def held(ask):
    """Runs in the mapped table, in the rejects, and the ledger's entries."""

    def looked():
        mapped = ask("SELECT _lume_run_id, id FROM ops.orders")
        rejects = ask("SELECT _lume_run_id FROM ops.orders_rejects")
        entries = ask("SELECT run_id, state, mapped_rows FROM ops._lume_batches")
        return mapped, [row[0] for row in rejects], entries

    return looked


@pytest.fixture
def files(ask, warehouse_server):
    return lambda: [
        row[1] for row in ask(f"LIST '/Volumes/{warehouse_server.volume.replace('.', '/')}'")
    ]


def test_the_tables_and_the_ledger_agree_and_no_file_stays(lake, held, files, tmp_path):
    lake.deliver(make_delivery(tmp_path, OLD, rejects=1))
    second = make_delivery(tmp_path, NEW, rejects=1, run_id="run_2")
    assert steps_of(lake, second) == STEPS
    assert held() == ([("run_2", 2)], ["run_2"], [("run_2", "done", 1)])
    assert files() == []


@pytest.mark.parametrize(
    "lost", ["REPLACE WHERE", "_rejects", "MERGE INTO", "INSERT INTO.*attempt"]
)
def test_an_answer_that_is_lost_costs_a_retry_and_no_row(lake, faulty, held, tmp_path, lost):
    lake.deliver(make_delivery(tmp_path, OLD, rejects=1))
    delivery = make_delivery(tmp_path, NEW, rejects=1, run_id="run_2")
    told = "[TEMPORARILY_UNAVAILABLE] try again"
    faulty.ask(
        {
            "pattern": f"(INSERT|MERGE).*{lost}" if lost == "_rejects" else lost,
            "message": told,
            "when": "after",
        }
    )
    with pytest.raises(TransientError, match="TEMPORARILY_UNAVAILABLE"):
        lake.deliver(delivery)
    lake.deliver(delivery)
    assert held() == ([("run_2", 2)], ["run_2"], [("run_2", "done", 1)])


def test_a_conflict_with_another_writer_is_waited_out(lake, faulty, held, tmp_path):
    lake.deliver(make_delivery(tmp_path, OLD))
    faulty.ask({"pattern": "REPLACE WHERE", "message": CONFLICT, "times": 2})
    faulty.ask({"pattern": "MERGE INTO", "message": CONFLICT, "times": 1})
    lake.deliver(make_delivery(tmp_path, NEW, run_id="run_2"))
    assert held() == ([("run_2", 2)], [], [("run_2", "done", 1)])


def test_a_conflict_that_does_not_end_is_a_transient_error(faulty, tmp_path):
    hasty = DatabricksConnector(**faulty.config(), conflict_timeout_seconds=0.1)
    faulty.ask({"pattern": "REPLACE WHERE", "message": CONFLICT, "times": 1000})
    with pytest.raises(TransientError, match="DELTA_CONCURRENT_APPEND"):
        hasty.deliver(make_delivery(tmp_path, OLD))


def test_rows_that_the_table_refuses_change_nothing(lake, held, files, ask, tmp_path):
    columns = (Column("id", "integer"), Column("name", "string"))
    lake.deliver(make_delivery(tmp_path, OLD, rejects=1))
    nobody = make_delivery(tmp_path, [{"id": None}], columns=columns, run_id="run_2", rejects=1)
    required = replace(nobody, columns=(Column("id", "integer", nullable=False), columns[1]))
    with pytest.raises(ConnectorError, match=r"NOT_NULL.*\n.*NOT NULL where the flow"):
        lake.deliver(required)
    mapped, rejects, entries = held()
    assert (mapped, rejects, files()) == ([("run_1", 1)], ["run_1"], [])
    assert ("run_2", "writing", 1) in entries
    lake.deliver(make_delivery(tmp_path, NEW, run_id="run_3"))
    assert held() == ([("run_3", 2)], [], [("run_3", "done", 1)])


def test_a_delivery_killed_between_two_tables_can_be_told_and_is_mended(
    lake, warehouse_server, held, files, tmp_path
):
    lake.deliver(make_delivery(tmp_path, OLD, rejects=1))
    new = make_delivery(tmp_path, NEW, rejects=1, run_id="run_2")
    kill(warehouse_server, new, "mapped")
    assert held() == (
        *([("run_2", 2)], ["run_1"]),
        [("run_1", "done", 1), ("run_2", "writing", 1)],
    )
    assert len(files()) == 2
    lake.deliver(new)
    assert held() == ([("run_2", 2)], ["run_2"], [("run_2", "done", 1)])
    assert files() == []


def kill(server, delivery, step):
    place = STEPS.index(step)
    assert deliver_and_die(DatabricksConnector, server.config(), delivery, place) == -signal.SIGKILL


@pytest.mark.parametrize("mode", ["replace_batch", "merge", "replace"])
def test_a_statement_of_the_dead_that_comes_late_finds_nothing(lake, faulty, held, tmp_path, mode):
    """It waited in the queue of the warehouse while the retry, of the same run, did it all."""
    new = make_delivery(tmp_path, NEW, rejects=1, mode=mode)
    kill(faulty, new, "mapped")
    sent = faulty.statements()[-1]
    assert "mapped-*.parquet" in sent["sql"]
    lake.deliver(new)
    before = held()
    with pytest.raises(Exception, match="PATH_NOT_FOUND"):
        faulty.run(sent["sql"], **sent["values"])
    assert held() == before


def test_only_what_began_and_did_not_end_is_fenced(lake, faulty, tmp_path):
    new = make_delivery(tmp_path, NEW)
    lake.deliver(new)
    lake.deliver(new)
    assert fences(faulty) == 0
    kill(faulty, new, "mapped")
    lake.deliver(new)
    lake.deliver(new)
    assert fences(faulty) == 2


def test_a_table_of_rejects_that_is_gone_needs_no_fence(lake, warehouse_server, held, tmp_path):
    lake.deliver(make_delivery(tmp_path, OLD, rejects=1))
    new = make_delivery(tmp_path, NEW, run_id="run_2")
    kill(warehouse_server, new, "mapped")
    warehouse_server.run("DROP TABLE ops.orders_rejects")
    lake.deliver(new)
    lake.deliver(make_delivery(tmp_path, NEW, rejects=1, run_id="run_3"))
    assert held() == ([("run_3", 2)], ["run_3"], [("run_3", "done", 1)])


def fences(server):
    return sum("lume.fence" in str(sent["sql"]) for sent in server.statements())


def test_of_two_deliveries_of_one_batch_the_last_to_begin_wins(lake, held, tmp_path):
    first = make_delivery(tmp_path, OLD, rejects=1)
    second = make_delivery(tmp_path, NEW, rejects=1, run_id="run_2")

    def meanwhile(step):
        if step == "staged":
            lake.deliver(second)

    with pytest.raises(TransientError, match=r"PATH_NOT_FOUND.*\n.*another delivery"):
        lake.deliver(first, meanwhile)
    assert held()[:2] == ([("run_2", 2)], ["run_2"])
    lake.deliver(first)
    assert held() == ([("run_1", 1)], ["run_1"], [("run_1", "done", 1)])


@pytest.mark.parametrize(
    "said",
    [
        "[PATH_NOT_FOUND] Path does not exist: /Volumes/m/d/v/lume-0123456789abcdef-x-mapped-*.p",
        "Object at location /Volumes/lume-0123456789abcdef-x-mapped-0000.parquet not found: No such",
        "[FAILED_READ_FILE.DBR_FILE_NOT_EXIST] dbfs:/Volumes/m/lume-0123456789abcdef-x.parquet",
    ],
)
def test_files_that_another_delivery_took_away_may_be_sent_again(said):
    assert _is_transient(RuntimeError(said), said)
    mine = said.replace("lume-", "mine-")
    assert not _is_transient(RuntimeError(mine), mine)


@pytest.mark.parametrize("step", ["staged", "before_commit", "mapped", "rejects"])
def test_deliveries_of_one_batch_never_leave_it_twice(lake, held, tmp_path, step):
    lake.deliver(make_delivery(tmp_path, []))
    second = make_delivery(tmp_path, NEW, rejects=1, run_id="run_2")

    def meanwhile(name):
        if name == step:
            lake.deliver(second)

    try:
        lake.deliver(make_delivery(tmp_path, OLD, rejects=1), meanwhile)
    except TransientError:
        assert step in {"staged", "before_commit", "mapped"}
    mapped, rejects, _ = held()
    assert (mapped, rejects) == ([("run_2", 2)], ["run_2"])


def test_batches_of_one_table_load_side_by_side(lake, held, tmp_path):
    lake.deliver(make_delivery(tmp_path, []))
    other = make_delivery(tmp_path, NEW, source_path="b", run_id="run_2")

    def meanwhile(step):
        if step == "before_commit":
            lake.deliver(other)

    lake.deliver(make_delivery(tmp_path, OLD, source_path="a"), meanwhile)
    assert held()[0] == [("run_1", 1), ("run_2", 2)]


def test_a_batch_that_arrives_while_the_table_is_replaced_keeps_its_entry(lake, held, tmp_path):
    lake.deliver(make_delivery(tmp_path, OLD, source_path="a"))
    other = make_delivery(tmp_path, OLD, source_path="b", run_id="run_b")

    def meanwhile(step):
        if step == "mapped":
            lake.deliver(other)

    lake.deliver(make_delivery(tmp_path, NEW, mode="replace", run_id="run_2"), meanwhile)
    mapped, _, entries = held()
    assert mapped == [("run_2", 2), ("run_b", 1)]
    assert entries == [("run_2", "done", 1), ("run_b", "done", 1)]


def test_files_of_a_batch_that_never_comes_again_go_after_a_day(lake, faulty, files, tmp_path):
    kill(faulty, make_delivery(tmp_path, NEW), "staged")
    other = make_delivery(tmp_path, OLD, source_path="other")
    lake.deliver(other)
    assert len(files()) == 1
    faulty.ask({"age": 90_000})
    lake.deliver(other)
    assert files() == []


def test_a_failed_upload_leaves_no_file(lake, faulty, files, tmp_path):
    faulty.ask({"pattern": "PUT .*rejects", "message": "[PERMISSION_DENIED] no WRITE VOLUME"})
    with pytest.raises(ConnectorError, match=r"PERMISSION_DENIED.*\n.*GRANT"):
        lake.deliver(make_delivery(tmp_path, OLD, rejects=1))
    assert files() == []


def test_a_merge_that_follows_an_append_leaves_one_row_a_key(lake, held, tmp_path):
    for number in (1, 2):
        lake.deliver(
            make_delivery(
                tmp_path, OLD, mode="append", source_path=str(number), run_id=f"run_{number}"
            )
        )
    lake.deliver(make_delivery(tmp_path, OLD, mode="merge", source_path="3", run_id="run_3"))
    assert held()[0] == [("run_3", 1)]
