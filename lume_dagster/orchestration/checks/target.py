"""The check of a delivered batch: each row that was read is mapped or rejected, and has arrived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from lume_dagster.connectors.protocol import Reading, Receipt, TableReader
from lume_dagster.errors import counted
from lume_dagster.flows.model import Flow
from lume_dagster.orchestration.checks.options import RECONCILIATION, Checks
from lume_dagster.orchestration.checks.results import Checked
from lume_dagster.runs.metrics import RowCounts

_SOURCE_PATH = "_lume_source_path"

#: Modes in which the rows of a flow that bear a batch's name are those just delivered: of one
#: batch, and of several that were delivered one after the other.
_ALONE = ("replace_batch", "merge", "replace")
_SEVERAL = ("replace_batch",)


def target_checks(
    options: Checks,
    rows: RowCounts,
    receipt: Receipt,
    held: int | None,
    handed: int | None = None,
) -> Iterator[Checked]:
    """The result for one batch.

    ``held`` is how many of its rows were counted in the target; ``handed`` how many mapped rows the
    target was handed, where that was a part of them: those that were repaired.
    """
    if options.reconciliation == "ignore":
        return
    lost = rows.input - rows.mapped - rows.rejects
    faults = [
        f"{rows.input:,} rows were read, but {rows.mapped:,} mapped and {rows.rejects:,} rejected"
        if lost
        else "",
        _differ("mapped", _given(rows, handed), "were delivered", receipt.mapped_rows),
        _differ("rejected", rows.rejects, "were delivered as rejects", receipt.rejects_rows),
        "" if held is None else _differ("mapped", rows.mapped, "are in the target", held),
    ]
    words = "; ".join(fault for fault in faults if fault)
    yield Checked(
        "target",
        RECONCILIATION,
        passed=not words,
        error=options.reconciliation == "fail",
        description=f"{words}." if words else _agreed(rows, held),
        metadata={
            "rows_input": rows.input,
            "rows_mapped": rows.mapped,
            "rows_rejected": rows.rejects,
            "rows_lost": lost,
            "rows_delivered": receipt.mapped_rows,
            "rejects_delivered": receipt.rejects_rows,
            **({} if held is None else {"rows_held": held}),
        },
        hint="somebody else may write to the table; force_rerun delivers the batch again.",
    )


def count_held(
    options: Checks, target: object, flow: Flow, source_paths: Sequence[str]
) -> Mapping[str, int]:
    """Rows of each batch in the target, where they are to be counted and can be."""
    modes = _ALONE if len(source_paths) == 1 else _SEVERAL
    if not options.read_back or options.reconciliation == "ignore":
        return {}
    if not isinstance(target, TableReader) or flow.target.write not in modes:
        return {}
    import pyarrow.compute as pc

    held: Counter[str] = Counter(dict.fromkeys(source_paths, 0))
    wanted = Reading(flow.target.table, flow.flow, tuple(source_paths), columns=())
    with target.read_table(wanted) as reader:
        for batch in reader:
            names = [n for n in batch.schema.names if n.casefold() == _SOURCE_PATH]
            for each in pc.value_counts(batch.column(names[0])).to_pylist():
                held[each["values"]] += each["counts"]
    return held


def _given(rows: RowCounts, handed: int | None) -> int:
    return rows.mapped if handed is None else handed


def _differ(what: str, wanted: int, where: str, found: int) -> str:
    if wanted == found:
        return ""
    return f"{counted(wanted, 'row was', 'rows were')} {what}, but {found:,} {where}"


def _agreed(rows: RowCounts, held: int | None) -> str:
    seen = "" if held is None else f", where {held:,} were counted"
    return (
        f"{counted(rows.input, 'row was', 'rows were')} read: {rows.mapped:,} mapped and"
        f" {rows.rejects:,} rejected, all in the target{seen}."
    )
