"""The entries of deliveries on Databricks: intended first, completed last, each in one statement.

An entry is ``writing`` from before the first row is written until every table agrees; only then is
it ``done``. It is told apart by ``attempt``, because a retried run keeps its run id. Until its rows
have been replaced an entry stays, so that every row of a table has an entry that names its run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from lume_dagster.connectors.databricks.session import Session, Values, identifier
from lume_dagster.connectors.databricks.shape import (
    ATTEMPT,
    DONE,
    ENTRY_COLUMNS,
    STATE,
    WRITING,
    reference,
)
from lume_dagster.connectors.protocol import Delivery
from lume_dagster.connectors.sql.ledger import MAPPED_SCOPE
from lume_dagster.connectors.sql.tables import LEDGER, Tables

#: Of a delivery that died, whose rows another one did not replace by batch: it may hold rows.
SUPERSEDED = "superseded"

_NOW = "CAST(current_timestamp() AS TIMESTAMP_NTZ)"  # sessions are in UTC


@dataclass(frozen=True, slots=True)
class Entry:
    """An earlier delivery of the batch."""

    run_id: str
    version: int
    mapped_rows: int
    rejects_rows: int
    attempt: str
    state: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What the ledger says about a batch, and when by the clock of the warehouse."""

    earlier: tuple[Entry, ...]
    began: str

    @property
    def unfinished(self) -> bool:
        """Whether a delivery began and did not end: it died, or still writes."""
        return any(entry.state == WRITING for entry in self.earlier)

    @property
    def has_rejects(self) -> bool:
        """Whether a delivery brought rejects that may still be there: its entry says how many."""
        return any(entry.rejects_rows for entry in self.earlier)

    def runs_in_mapped(self, delivery: Delivery) -> list[str]:
        """The runs whose mapped rows a delivery by batch replaces; its own among them."""
        stale = {e.run_id for e in self.earlier if _is_replaced(e, delivery)}
        return sorted({*stale, delivery.run_id})

    def runs_in_rejects(self, delivery: Delivery) -> list[str]:
        """The runs whose rejects the delivery replaces; its own among them."""
        return sorted({*(e.run_id for e in self.earlier), delivery.run_id})


def _is_replaced(entry: Entry, delivery: Delivery) -> bool:
    scope = MAPPED_SCOPE[delivery.mode]
    if scope is None:
        return False
    return "version" not in scope or entry.version == delivery.version


def intend(
    session: Session, tables: Tables, delivery: Delivery, attempt: str, rows: tuple[int, int]
) -> Batch:
    """Enter the delivery as ``writing``, then read what else the ledger knows of the batch.

    In this order of two deliveries of one batch at least one sees the other.
    """
    values: dict[str, object] = {
        "target_table": tables.qualified,
        "flow": delivery.flow,
        "version": delivery.version,
        "source_path": delivery.source_path,
        "run_id": delivery.run_id,
        "mode": delivery.mode,
        "mapped_rows": rows[0],
        "rejects_rows": rows[1],
        ATTEMPT: attempt,
        STATE: WRITING,
    }
    names = [column.name for column in ENTRY_COLUMNS]
    given = [f"{f':{n}' if n in values else _NOW} AS {identifier(n)}" for n in names]
    ledger = reference(tables, LEDGER)
    columns = ", ".join(identifier(name) for name in names)
    session.write(f"INSERT INTO {ledger} ({columns}) SELECT {', '.join(given)}", values)
    return _read(session, ledger, values)


def _read(session: Session, ledger: str, values: Values) -> Batch:
    scope = ("target_table", "flow", "source_path")
    test = " AND ".join(f"{identifier(name)} = :{name}" for name in scope)
    columns = ", ".join(identifier(field.name) for field in fields(Entry))
    found = session.rows(
        f"SELECT {columns}, CAST({_NOW} AS STRING) FROM {ledger} WHERE {test}",
        {name: values[name] for name in scope},
    )
    entries = [Entry(*row[:-1]) for row in found]
    others = tuple(e for e in entries if e.attempt != values[ATTEMPT])
    return Batch(others, str(found[0][-1]))


def complete(
    session: Session, tables: Tables, delivery: Delivery, attempt: str, batch: Batch
) -> None:
    """Let the ledger say what the tables now hold, in one statement.

    It changes only entries that the delivery saw, and its own: where another delivery took over,
    the own entry is gone and nothing comes back.
    """
    gone, kept = _sorted_out(delivery, batch.earlier)
    values: dict[str, object] = {"target_table": tables.qualified, "own": attempt}
    seen = _listed("e", [attempt, *gone, *kept], values)
    scope, rest = f"old.{identifier(ATTEMPT)} IN ({seen})", []
    if delivery.mode == "replace":
        # Entries of other batches that were done before their rows went.
        values["began"] = batch.began
        done = f"old.`state` <> '{WRITING}' AND old.`delivered_at` < CAST(:began AS TIMESTAMP_NTZ)"
        scope = f"({scope} OR ({done}))"
        rest = [
            "WHEN MATCHED AND old.`rejects_rows` = 0 THEN DELETE",
            "WHEN MATCHED THEN UPDATE SET `mapped_rows` = 0",
        ]
    ended = f"CASE WHEN old.`state` = '{WRITING}' THEN '{SUPERSEDED}' ELSE old.`state` END"
    clauses = [
        (
            f"WHEN MATCHED AND old.`attempt` = :own THEN UPDATE SET `state` = '{DONE}', "
            f"`delivered_at` = {_NOW}"
        ),
        *_clause(gone, "g", "DELETE", values),
        *_clause(kept, "k", f"UPDATE SET `rejects_rows` = 0, `state` = {ended}", values),
        *rest,
    ]
    session.write(
        f"MERGE INTO {reference(tables, LEDGER)} AS old "
        "USING (SELECT :target_table AS target_table) AS this "
        f"ON old.`target_table` = this.target_table AND {scope} {' '.join(clauses)}",
        values,
    )


def _sorted_out(delivery: Delivery, earlier: Sequence[Entry]) -> tuple[list[str], list[str]]:
    """The attempts whose entries go, and those that may still have rows in the mapped table."""
    gone = [
        e.attempt
        for e in earlier
        if _is_replaced(e, delivery) or e.run_id == delivery.run_id or not e.mapped_rows
    ]
    return gone, [e.attempt for e in earlier if e.attempt not in gone]


def _clause(attempts: Sequence[str], prefix: str, act: str, values: dict[str, object]) -> list[str]:
    if not attempts:
        return []
    listed = _listed(prefix, attempts, values)
    return [f"WHEN MATCHED AND old.`attempt` IN ({listed}) THEN {act}"]


def _listed(prefix: str, items: Sequence[str], values: dict[str, object]) -> str:
    """Parameters for a list of values, which are added to ``values``."""
    names = [f"{prefix}{i}" for i in range(len(items))]
    values.update(zip(names, items, strict=True))
    return ", ".join(f":{name}" for name in names)
