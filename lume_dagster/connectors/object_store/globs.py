"""Which keys a glob means, by the rules that globs have for files."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from glob import has_magic
from itertools import takewhile


def literal_folder(pattern: str) -> str:
    """The folder below which all keys lie that a glob can mean."""
    return "/".join(takewhile(lambda part: not has_magic(part), pattern.split("/")[:-1]))


def is_flat(pattern: str) -> bool:
    """Whether a glob means keys of one folder only."""
    return not has_magic(pattern.rpartition("/")[0])


def is_hidden(name: str) -> bool:
    """Whether a name is one that globs and folders pass over."""
    return name.startswith(".")


def matches(pattern: str, key: str) -> bool:
    """Whether a glob means a key: ``**`` is any folders, and ``*`` never passes a slash."""
    return _match(tuple(pattern.split("/")), tuple(key.split("/")))


def _match(parts: Sequence[str], names: Sequence[str]) -> bool:
    @cache
    def fit(part: int, name: int) -> bool:
        if part == len(parts):
            return name == len(names)
        if name == len(names):
            return False
        shown = not is_hidden(names[name])
        if parts[part] == "**":
            if part == len(parts) - 1:
                return not any(map(is_hidden, names[name:]))
            return fit(part + 1, name) or (shown and fit(part, name + 1))
        same = fnmatchcase(names[name], parts[part])
        return same and (shown or is_hidden(parts[part])) and fit(part + 1, name + 1)

    return fit(0, 0)
