"""Find the files a ``source_path`` names below a root folder, and never one outside it."""

from __future__ import annotations

import errno
import glob
import os
import re
import stat
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes, urlsplit

from lume_dagster.errors import BatchError

_SHOWN = 5
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_GLOB = "/*?[]!"  # what a glob is made of, kept bare in its URI


def find_files(root: Path, source_path: str) -> list[Path]:
    """The files of a file path, ``file://`` URI, folder (all below it) or glob, in name order.

    Raises:
        BatchError: nothing is there, or it lies outside ``root``.
    """
    wanted = _inside(root, source_path)
    if wanted.is_file():
        return [_kept(root, wanted)]
    if wanted.is_dir():
        found = sorted(_below(root, _kept(root, wanted)))
        if not found:
            raise BatchError(f"The folder {wanted} is empty.", hint=_near(root, wanted))
        return found
    if glob.has_magic(source_path):
        return _matches(root, wanted)
    _refuse_no_file(wanted)
    raise BatchError(
        f"There is no file {wanted.relative_to(root)} below {root}.", hint=_near(root, wanted)
    )


def path_of_uri(uri: str) -> Path:
    """The local path of a ``file://`` URI.

    Raises:
        BatchError: the URI names another host.
    """
    parts = urlsplit(uri)
    if parts.netloc not in {"", "localhost"}:
        raise BatchError(
            f"{uri} is a file of another host, {parts.netloc}.",
            hint="file URIs of this machine have three slashes: file:///folder/file.csv",
        )
    # '?' and '#' mean nothing in a file URI; names that carry them come percent-encoded or bare.
    path = uri.removeprefix("file://").removeprefix(parts.netloc)
    return Path(os.fsdecode(unquote_to_bytes(os.fsencode(path))))


def uri_of(root: Path, source_path: str) -> str:
    """The one URI of a path, URI or glob below ``root``; BatchError for one outside it."""
    wanted = _inside(root, source_path)
    if glob.has_magic(source_path) and not wanted.exists():
        return "file://" + quote(os.fsencode(wanted), safe=_GLOB)
    return wanted.as_uri()


def _inside(root: Path, source_path: str) -> Path:
    """The path that is meant, still with its links, refused when it leads out of the root."""
    if "\0" in source_path or not source_path:
        raise BatchError("The source_path is empty or holds a NUL character.")
    if (scheme := _SCHEME.match(source_path)) and scheme[1].lower() != "file":
        raise BatchError(
            f"{source_path} is not below {root}, where this connector reads files.",
            hint=f"a flow that reads {scheme[0]} names such a connector as its source.",
        )
    is_uri = source_path.startswith("file:")
    path = path_of_uri(source_path) if is_uri else Path(source_path).expanduser()
    if ".." in path.parts:
        raise BatchError(
            f"The source_path {source_path!r} goes up with '..'.",
            hint=f"name a file, a folder or a glob below {root}",
        )
    full = root / path
    if not full.is_relative_to(root):
        raise BatchError(
            f"{full} is outside the connector's root {root}.",
            hint="name a path below the root, or configure a connector with another root",
        )
    return full


def _kept(root: Path, path: Path) -> Path:
    """The path itself, refused when a link leads out of the root."""
    if not path.resolve().is_relative_to(root):
        raise BatchError(
            f"{path} is a link that leads out of the connector's root {root}.",
            hint="copy the file below the root, or configure a connector with another root",
        )
    return path


#: What a name may stand for that has no end, or none that anyone waits for.
_NO_FILES = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def _refuse_no_file(path: Path) -> None:
    """Refuse what is there and neither a file nor a folder."""
    what = None
    try:
        mode = path.stat().st_mode
        what = next((words for is_one, words in _NO_FILES if is_one(mode)), None)
    except OSError as error:
        if not path.is_symlink() or isinstance(error, PermissionError):
            return  # it is not there, or whoever opens it says why not
        what = f"a link to {path.readlink()}, and that is not there"
        if error.errno == errno.ELOOP:
            what = "a link that leads back to itself"
    if what is not None:
        raise BatchError(
            f"{path} is {what}: it cannot be read as a file.",
            hint="remove it, or name others: source_path may be a glob",
        )


def _below(root: Path, folder: Path) -> Iterator[Path]:
    """All files below a folder; what starts with a dot is not data."""
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if not path.is_dir():
            _refuse_no_file(path)
            yield _kept(root, path)
        elif not path.is_symlink():
            yield from _below(root, path)
        else:
            raise BatchError(
                f"{path} is a link to a folder; such links are not followed.",
                hint="name the folder it leads to as the source_path, or copy it",
            )


def _matches(root: Path, pattern: Path) -> list[Path]:
    names = sorted(glob.glob(str(pattern), recursive=True))  # noqa: PTH207 - Path.glob shows hidden files
    found = list(_kept_files(root, names, pattern.suffix))
    if not found:
        folder = next(p for p in pattern.parents if not glob.has_magic(str(p)))
        raise BatchError(
            f"No file matches {pattern.relative_to(root)} below {root}.",
            hint=_near(root, folder / pattern.name),
        )
    return found


def _kept_files(root: Path, names: Sequence[str], suffix: str) -> Iterator[Path]:
    """The files among many paths: what is no link is judged by its folder, and that only once.

    Folders are left out, but for those that are called as the files that are asked for.
    """
    judged: set[str] = set()
    for name in names:
        path, folder = Path(name), os.path.dirname(name)  # noqa: PTH120 - there may be 100,000
        mode = _mode(name)
        if not stat.S_ISREG(mode) and not (stat.S_ISLNK(mode) and path.is_file()):
            _refuse_no_file(path)
            if path.is_dir() and suffix and not glob.has_magic(suffix):
                raise BatchError(
                    f"{path} is a folder, and called as the files that are asked for.",
                    hint=f"rename it, or name the files in it: {path.relative_to(root)}/*",
                )
            continue
        if stat.S_ISLNK(mode) or folder not in judged:
            _kept(root, path)
        if not stat.S_ISLNK(mode):
            judged.add(folder)
        yield path


def _mode(name: str) -> int:
    try:
        return os.lstat(name).st_mode
    except FileNotFoundError:  # it was there when it was listed
        return 0


def _near(root: Path, wanted: Path) -> str:
    """What is there instead: the nearest names, or the first few."""
    folder = wanted if wanted.is_dir() else wanted.parent
    while not folder.is_dir() and folder != root:
        folder = folder.parent
    names = _names(folder)
    if not names:
        return f"{folder} holds no file."
    near = get_close_matches(wanted.name, names, n=_SHOWN, cutoff=0.6)
    if near:
        they = "It is" if len(near) == 1 else "They are"
        return f"did you mean {' or '.join(repr(n) for n in near)}? {they} in {folder}."
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{folder} holds {', '.join(names[:_SHOWN])}{more}."


def _names(folder: Path) -> list[str]:
    paths = folder.iterdir() if folder.is_dir() else ()
    return sorted(p.name + "/" * p.is_dir() for p in paths if not p.name.startswith("."))
