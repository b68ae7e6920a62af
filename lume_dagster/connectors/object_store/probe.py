"""Try what a connector may do in its root: list, write under a condition, and remove again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from uuid import uuid4

from lume_dagster.connectors.object_store.bucket import Bucket
from lume_dagster.connectors.object_store.find import PROBE
from lume_dagster.connectors.object_store.refusals import ConflictError, RightMissingError
from lume_dagster.errors import ConnectorError, counted

_COUNTED = 1000


def try_all(bucket: Bucket, folder: str, who: str) -> Iterator[str]:
    """A sentence for each thing that works or is not allowed.

    Raises:
        ConnectorError: the store cannot be reached, does not know who asks, or allows nothing.
    """
    place = bucket.uri(folder)
    name, endpoint = bucket.where.system.name, bucket.where.endpoint
    refused: list[RightMissingError] = []
    try:
        count = sum(1 for _ in islice(bucket.below(folder), _COUNTED))
        there = f"{count:,} or more objects" if count == _COUNTED else counted(count, "object")
        yield f"{name} at {endpoint} lets {who} list {place}: {there}."
    except RightMissingError as error:
        refused.append(error)
        yield f"{who} may not list {place}, so folders and globs cannot be read: {error.hint}."
    try:
        try_writing(bucket, folder)
        yield f"{place} can be written, under conditions too: it can be a target."
    except RightMissingError as error:
        if refused:
            raise ConnectorError(
                f"{name} at {endpoint} lets {who} neither list nor write {place}.",
                hint=f"{refused[0].hint}; {error.hint}; whether single objects may be read "
                "shows when one is named",
            ) from None
        yield f"{place} cannot be written, so it can only be a source: {error.hint}."


def try_writing(bucket: Bucket, folder: str) -> None:
    """Make an object, see that it cannot be made twice, and remove it.

    Raises:
        ConnectorError: no right, or a store that does not heed conditions.
    """
    key = "/".join(part for part in (folder, f"{PROBE}{uuid4().hex[:12]}") if part)
    bucket.delete([key])  # who may not remove it again does not make it
    bucket.put_if(key, b"", None)
    try:
        bucket.put_if(key, b"", None)
    except ConflictError:
        heeded = True
    else:
        heeded = False
    bucket.delete([key])
    if not heeded:
        raise ConnectorError(
            f"The store at {bucket.where.endpoint} does not heed If-None-Match, so deliveries "
            "could overwrite each other.",
            hint="use it as a source only, or a release of it that has conditional writes",
        )
