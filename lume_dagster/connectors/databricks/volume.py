"""The Unity Catalog volume through which files reach the warehouse, and what is left in it.

A delivery's files carry its batch and a token of their own in their names, flat in the volume:
``lume-<batch>-<token>-<part>-<number>.parquet``. So the files that a killed delivery left are found
by the next delivery of that batch, and those of a batch that never comes again by their age.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from lume_dagster.connectors.databricks.session import Session, literal
from lume_dagster.errors import ConnectorError

_PART = r"[^/.\s'`\\\x00-\x1f]+"
_DOTTED = re.compile(rf"({_PART})\.({_PART})\.({_PART})")
_PATH = re.compile(rf"/Volumes(/{_PART}){{3,}}/?")
_OURS = re.compile(r"lume-([0-9a-f]{16})-([0-9a-f]{16})-[a-z]+-\d+\.parquet")
_DAY = 86_400
_NOT_THERE = ("404-", "NOT_FOUND", "DOES_NOT_EXIST", "does not exist")


def volume_path(text: str) -> str:
    """The path of a volume given as ``catalog.schema.volume`` or as ``/Volumes/...``."""
    dotted = _DOTTED.fullmatch(text)
    if dotted:
        return "/".join(("/Volumes", *dotted.groups()))
    if _PATH.fullmatch(text):
        return text.rstrip("/")
    raise ConnectorError(
        f"The connector's volume {text!r} is not the name of a Unity Catalog volume.",
        hint="write catalog.schema.volume, or /Volumes/catalog/schema/volume/folder",
    )


@dataclass(frozen=True, slots=True)
class Shelf:
    """The place of one delivery in a volume."""

    path: str
    batch: str
    token: str
    sent: list[str] = field(default_factory=list)  # the names of the files that are in it

    def files(self, part: str) -> str:
        """The pattern of a part's files."""
        return f"{self.path}/lume-{self.batch}-{self.token}-{part}-*.parquet"

    def name(self, part: str, number: int) -> str:
        """The name of a file of a part."""
        return f"lume-{self.batch}-{self.token}-{part}-{number:04}.parquet"


def shelf(path: str, *names: str) -> Shelf:
    """A place for a delivery of the batch that ``names`` tell apart from any other."""
    digest = hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).hexdigest()
    return Shelf(path, digest[:16], uuid4().hex[:16])


def upload(session: Session, files: Iterable[Path], to: Shelf, part: str) -> None:
    """Send files into the volume, each as a whole."""
    for number, file in enumerate(files):
        name = to.name(part, number)
        session.run(f"PUT {literal(str(file))} INTO {literal(f'{to.path}/{name}')} OVERWRITE")
        to.sent.append(name)


def try_writing(session: Session, path: str, folder: Path) -> None:
    """Send a small file from ``folder`` into the volume, and take it away again."""
    probe, own = folder / "probe", shelf(path, "probe")
    probe.write_bytes(b"lume")
    upload(session, [probe], own, "probe")
    clear_own(session, own)


def look(session: Session, path: str) -> list[tuple[str, int]]:
    """The names in a volume, and when each was last changed in milliseconds."""
    return [(str(row[1]), int(row[3])) for row in session.rows(f"LIST {literal(path)}")]


def clear_own(session: Session, own: Shelf) -> None:
    """Remove the files of a delivery that has ended."""
    while own.sent:
        _remove(session, own.path, [own.sent[-1]])
        own.sent.pop()


def clear_leftovers(session: Session, own: Shelf) -> None:
    """Remove what other deliveries of the batch left, and what is older than a day."""
    old = (time.time() - _DAY) * 1000
    found = [(_OURS.fullmatch(name), name, at) for name, at in look(session, own.path)]
    gone = [
        name
        for match, name, at in found
        if match and match[2] != own.token and (match[1] == own.batch or at < old)
    ]
    _remove(session, own.path, gone)


def _remove(session: Session, path: str, names: Iterable[str]) -> None:
    for name in names:
        try:
            session.run(f"REMOVE {literal(f'{path}/{name}')}")
        except ConnectorError as error:
            # Another delivery of the batch took it away: stores differ in how they say so.
            if not any(word in error.message for word in _NOT_THERE):
                raise
