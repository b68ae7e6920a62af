"""A store that the machines of a deployment share: finished folders go there whole or not at all.

A folder of the data folder has the same path below the store's root. What makes it one is its mark,
which names its files and is written last; objects without one are garbage of an upload cut short.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

from lume_dagster.connectors.object_store.bucket import Bucket, Meta
from lume_dagster.connectors.object_store.download import download
from lume_dagster.connectors.object_store.refusals import ConflictError
from lume_dagster.errors import ConnectorError, TransientError

MARK = "_stored.json"
_VERSION = 1
_AT_ONCE = 8
_TRIES = 3
#: Of the folders of runs: how many parts their paths have, the last of which names the run.
_DEPTHS: Mapping[str, int] = {"staging": 5, "output": 4}


@runtime_checkable
class Store(Protocol):
    """A connector to an object store."""

    def place(self) -> tuple[Bucket, str]:
        """The bucket, and the prefix in it below which everything lies."""
        ...

    def below_root(self, uri: str) -> str | None:
        """The path of a URI below that prefix; None where it is elsewhere."""
        ...


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a stored folder."""

    path: str
    size: int
    e_tag: str


@dataclass(frozen=True, slots=True)
class StoredFolder:
    """What is in the store of one run, whole or not."""

    kind: str  # staging or output
    run: str
    uri: str
    bytes: int
    changed: float


@dataclass(frozen=True, slots=True)
class Depot:
    """The store, and the data folder of this machine."""

    data: Path
    store: Store

    def uri(self, folder: Path) -> str:
        """Where a folder of this machine is in the store."""
        bucket, key = self._place(folder)
        return bucket.uri(key)

    def here(self, uri: str) -> Path:
        """The folder of this machine that a folder of the store belongs to.

        Raises:
            ConnectorError: it is of another store.
        """
        path = self.store.below_root(uri)
        if path is None or _leaves(path):
            raise ConnectorError(
                f"{uri} is not in the store of this code location, {self.uri(self.data)}",
                hint="give all machines of the deployment the same store",
            )
        return self.data / path

    def owns(self, uri: str) -> bool:
        """Whether a folder is in this store."""
        return self.store.below_root(uri) is not None

    def put(self, folder: Path) -> str:
        """Upload a finished folder, in place of what was there before; its URI."""
        bucket, key = self._place(folder)
        bucket.delete([f"{key}/{MARK}"])
        paths = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="store") as pool:
            files = list(pool.map(partial(_upload, bucket, key, folder), paths))
        _write_mark(bucket, key, files)
        return bucket.uri(key)

    def put_file(self, folder: Path, name: str) -> None:
        """Upload one file of a folder that is stored, in place of what it was."""
        bucket, key = self._place(folder)
        files = _read_mark(bucket, key)
        if files is not None:
            others = [file for file in files if file.path != name]
            _write_mark(bucket, key, [*others, _upload(bucket, key, folder, name)])

    def holds(self, folder: Path) -> bool:
        """Whether a folder is in the store."""
        bucket, key = self._place(folder)
        return bucket.head(f"{key}/{MARK}") is not None

    def fetch(self, folder: Path) -> bool:
        """Bring a folder here, unless it is here; whether the store has it.

        Raises:
            TransientError: it was changed by others all the time.
        """
        bucket, key = self._place(folder)
        for _ in range(_TRIES):
            files = _read_mark(bucket, key)
            if files is None:
                return False
            try:
                self._bring(bucket, key, files, folder)
            except (ConflictError, FileNotFoundError):
                continue  # somebody puts it again, or removes it
            return True
        raise TransientError(f"{bucket.uri(key)} changed while it was fetched.")

    def of_runs(self) -> Iterator[StoredFolder]:
        """What is in the store of each run, whole or not."""
        bucket, root = self.store.place()
        cut = len(root) + 1 if root else 0
        for kind, depth in _DEPTHS.items():
            found: dict[tuple[str, ...], list[Meta]] = defaultdict(list)
            for meta in bucket.below(_joined(root, kind)):
                parts = tuple(meta["path"][cut:].split("/"))
                if len(parts) > depth:
                    found[parts[:depth]].append(meta)
            for parts, metas in found.items():
                changed = max(meta["last_modified"].timestamp() for meta in metas)
                size = sum(meta["size"] for meta in metas)
                uri = bucket.uri(_joined(root, *parts))
                yield StoredFolder(kind, parts[-1], uri, size, changed)

    def beside(self, folder: Path) -> list[Path]:
        """The folders that the store has next to one of this machine."""
        bucket, key = self._place(folder.parent)
        return [
            folder.parent / path.rstrip("/").rpartition("/")[2] for path in bucket.inside(key)[1]
        ]

    def remove(self, folder: Path) -> None:
        """Remove a folder from the store: first what makes it one."""
        bucket, key = self._place(folder)
        keys = [meta["path"] for meta in bucket.below(key)]
        bucket.delete([k for k in keys if k.endswith(f"/{MARK}")])
        bucket.delete(keys)

    def _place(self, folder: Path) -> tuple[Bucket, str]:
        bucket, root = self.store.place()
        return bucket, _joined(root, *folder.relative_to(self.data).parts)

    def _bring(self, bucket: Bucket, key: str, files: Sequence[StoredFile], folder: Path) -> None:
        if _is_here(folder, files):
            return
        new = self.data / "scratch" / f"{uuid.uuid4().hex}.stored"
        try:
            new.mkdir(parents=True)
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="store") as pool:
                list(pool.map(partial(_download, bucket, key, new), files))
            folder.parent.mkdir(parents=True, exist_ok=True)
            if not _is_here(folder, files):  # somebody else may have been quicker
                shutil.rmtree(folder, ignore_errors=True)
                new.rename(folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)


def _joined(*parts: str) -> str:
    return "/".join(part for part in parts if part)


def _upload(bucket: Bucket, key: str, folder: Path, path: str) -> StoredFile:
    file = folder / path
    size = file.stat().st_size
    return StoredFile(path, size, bucket.upload(file, f"{key}/{path}"))


def _download(bucket: Bucket, key: str, into: Path, file: StoredFile) -> None:
    target = into / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    download(bucket, f"{key}/{file.path}", file.e_tag, file.size, target)


def _is_here(folder: Path, files: Sequence[StoredFile]) -> bool:
    here = {p.relative_to(folder).as_posix(): p.stat().st_size for p in _files(folder)}
    return all(here.get(file.path) == file.size for file in files)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _write_mark(bucket: Bucket, key: str, files: Sequence[StoredFile]) -> None:
    value = {"lume_folder": _VERSION, "files": [asdict(file) for file in files]}
    bucket.put(f"{key}/{MARK}", json.dumps(value, ensure_ascii=False).encode())


def _read_mark(bucket: Bucket, key: str) -> list[StoredFile] | None:
    """The files of a stored folder; None where there is none.

    Raises:
        ConnectorError: its mark says something else, or names files outside of the folder.
    """
    found = bucket.read(f"{key}/{MARK}")
    if found is None:
        return None
    try:
        value = json.loads(found[0])
        files = [StoredFile(**file) for file in value["files"]]
        wrong = value["lume_folder"] != _VERSION or any(_leaves(file.path) for file in files)
    except (ValueError, TypeError, KeyError) as error:
        raise ConnectorError(
            f"{bucket.uri(f'{key}/{MARK}')} does not say what a stored folder holds: {error}.",
            hint="remove the folder from the store, and run the batch again",
        ) from error
    if wrong:
        raise ConnectorError(
            f"{bucket.uri(f'{key}/{MARK}')} is of a newer release, or names files elsewhere.",
            hint="use the release that wrote it, or remove the folder from the store",
        )
    return files


def _leaves(path: str) -> bool:
    return path.startswith("/") or ".." in path.split("/")
