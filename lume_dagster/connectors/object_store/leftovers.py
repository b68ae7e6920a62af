"""What killed deliveries left in a table's folder, and from when on it is nobody's."""

from __future__ import annotations

from collections.abc import Mapping

from lume_dagster.connectors.object_store.attempt import Attempt
from lume_dagster.connectors.object_store.manifest import Manifest
from lume_dagster.errors import TransientError

#: Every so many changes of a table, and with each ``replace``, all of its folder is looked at.
_SWEEP_EVERY = 64


def leftovers(attempt: Attempt, batch: str, before: Manifest, age: float) -> set[str]:
    """The data objects that the change being made should remove, as far as no manifest names them.

    Whatever lies in the batch's own folder goes: whoever wrote it read the manifest before this
    change, finds the batch delivered by somebody else, and begins again. Elsewhere an object may
    be of a delivery that goes on, so it goes when it is older than any delivery may be.
    """
    everywhere = attempt.delivery.mode == "replace" or (before.changes + 1) % _SWEEP_EVERY == 0
    found = attempt.table.data_files("" if everywhere else batch)
    return nobodys(found, batch, age)


def nobodys(found: Mapping[str, float], batch: str, age: float) -> set[str]:
    """Of objects and the times they were written: those of the batch, and those that are old.

    The time is the store's own: this delivery has just written the youngest of them.
    """
    now = max(found.values(), default=0.0)
    return {
        path
        for path, written in found.items()
        if path.startswith(f"{batch}/") or now - written > age
    }


def refuse_slowness(seconds: float, age: float) -> None:
    """Refuse to name objects that somebody may have taken for leftovers meanwhile."""
    if seconds > age / 2:
        raise TransientError(
            f"The delivery took {seconds:,.0f} seconds; its objects may have been removed as "
            "leftovers.",
            hint="raise the connector's leftover_hours",
        )
