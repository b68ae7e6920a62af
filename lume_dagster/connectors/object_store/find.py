"""Find the objects a ``source_path`` names: one key, a folder of them, or a glob."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from glob import has_magic
from itertools import islice

from lume_dagster.connectors.object_store.bucket import Bucket, Meta
from lume_dagster.connectors.object_store.globs import (
    is_flat,
    is_hidden,
    literal_folder,
    matches,
)
from lume_dagster.connectors.object_store.refusals import RightMissingError
from lume_dagster.errors import BatchError

_SHOWN, _LOOKED_AT = 5, 1000
#: How the empty objects begin by which ``probe`` tries whether it may write.
PROBE = "_lume_probe-"
#: What Hadoop and Spark leave beside data to say that it is whole.
_MARKS = frozenset({"_SUCCESS"})


def find_objects(bucket: Bucket, key: str) -> list[Meta]:
    """The objects of a key, a folder (all below it) or a glob, in name order.

    Raises:
        BatchError: nothing is there.
    """
    found = None if key.endswith("/") or not key else bucket.head(key)
    if found is not None and (found["size"] or not _is_folder(bucket, key)):
        return [found]
    if has_magic(key):
        return _matching(bucket, key)
    folder = key.rstrip("/")
    below = [m for m in _objects(bucket.below(folder), folder) if _is_data(m["path"], folder)]
    if not below:
        what = f"The folder {bucket.uri(key)} is empty" if key.endswith("/") or not key else None
        raise BatchError(
            f"{what or f'There is no file {bucket.uri(key)}, and nothing below it'}.",
            hint=_near(bucket, key),
        )
    return below


def _matching(bucket: Bucket, glob: str) -> list[Meta]:
    folder = literal_folder(glob)
    listed = bucket.inside(folder)[0] if is_flat(glob) else bucket.below(folder)
    found = [m for m in _objects(listed, folder) if matches(glob, m["path"])]
    if not found:
        raise BatchError(f"No file matches {bucket.uri(glob)}.", hint=_near(bucket, glob))
    return found


def _is_folder(bucket: Bucket, key: str) -> bool:
    """Whether something is below a key; its own object is then only the mark of a folder."""
    try:
        return any(m["path"] != key for m in islice(bucket.below(key), 2))
    except RightMissingError:
        return False


def _objects(listed: Iterable[Meta], folder: str) -> list[Meta]:
    """What was listed, in name order, without the empty objects of consoles and of our own."""
    metas = sorted(listed, key=lambda m: m["path"])
    folders = {folder}
    for meta in metas:
        parts = meta["path"].split("/")
        folders.update("/".join(parts[:n]) for n in range(1, len(parts)))
    return [m for m in metas if m["size"] or not (m["path"] in folders or _is_probe(m["path"]))]


def _is_probe(path: str) -> bool:
    return path.rpartition("/")[2].startswith(PROBE)


def _is_data(path: str, folder: str) -> bool:
    names = path[len(folder) :].strip("/").split("/")
    return not any(map(is_hidden, names)) and names[-1] not in _MARKS


def _near(bucket: Bucket, wanted: str) -> str | None:
    """What is there instead: the nearest names, or the first few."""
    parent = literal_folder(wanted) if has_magic(wanted) else wanted.rstrip("/").rpartition("/")[0]
    try:
        metas = list(islice(bucket.below(parent), _LOOKED_AT))
    except RightMissingError:
        return None
    cut = len(parent) + 1 if parent else 0
    names = sorted({_first_name(m["path"][cut:]) for m in metas})
    place = bucket.uri(parent)
    if not names:
        return f"{place} holds no file."
    near = get_close_matches(wanted[cut:].rstrip("/"), names, n=_SHOWN, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(map(repr, near))}? It is in {place}."
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{place} holds {', '.join(names[:_SHOWN])}{more}."


def _first_name(path: str) -> str:
    name, slash, _ = path.partition("/")
    return name + slash
