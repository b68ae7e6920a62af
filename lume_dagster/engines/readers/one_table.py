"""The files of a batch hold one table: names that agree but for case, and no file of another kind.

A file that shares no column with the others, such as the README of an archive, would come out as
rows without any value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from lume_dagster.engines.readers.csv_file import CsvFile
from lume_dagster.engines.readers.header import is_named
from lume_dagster.errors import BatchError

_SHOWN = 60  # characters of a name out of somebody's file


def as_one_table(files: Sequence[CsvFile]) -> list[CsvFile]:
    """The files with each column called as the first of them calls it.

    Raises:
        BatchError: a file shares no column with the others.
    """
    spelled = _spellings(files)
    found = [_respelled(file, spelled) for file in files]
    refuse_strangers(
        (file.plain.source.uri, tuple(filter(is_named, file.header.names)))
        for file in found
        if file.counted or not file.is_ordinary
    )
    return found


def _spellings(files: Sequence[CsvFile]) -> dict[str, str]:
    """By a name without its case how it is written; not where a file has two that differ by it."""
    spelled: dict[str, str] = {}
    doubtful: set[str] = set()
    for names in dict.fromkeys(file.header.names for file in files):
        counts = Counter(name.casefold() for name in names)
        doubtful |= {folded for folded, count in counts.items() if count > 1}
        for name in names:
            spelled.setdefault(name.casefold(), name)
    return {folded: name for folded, name in spelled.items() if folded not in doubtful}


def _respelled(file: CsvFile, spelled: dict[str, str]) -> CsvFile:
    names = tuple(spelled.get(name.casefold(), name) for name in file.header.names)
    if names == file.header.names:
        return file
    return replace(file, header=replace(file.header, names=names))


def refuse_strangers(files: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Refuse a file whose columns are none of the others', given the files with their columns.

    Raises:
        BatchError: with the file, its columns, and one of the others.
    """
    first: dict[tuple[str, ...], str] = {}
    counts: Counter[tuple[str, ...]] = Counter()
    for uri, names in files:
        if names:
            first.setdefault(tuple(names), uri)
            counts[tuple(names)] += 1
    groups = _sharing(list(first))
    if len(groups) < 2:  # noqa: PLR2004 - all share
        return
    most = max(groups, key=lambda g: (sum(counts[n] for n in g), max(map(len, g))))
    stranger = next(group for group in groups if group is not most)[0]
    raise BatchError(
        f"{first[stranger]} shares no column with the other files of the batch, such as"
        f" {first[most[0]]}: it has {_named(stranger)}, they have {_named(most[0])}.",
        hint="take it out of the batch: source_path may be a glob such as *.csv, and"
        " source.format.members says which files of an archive are read",
    )


def _sharing(headers: Sequence[tuple[str, ...]]) -> list[list[tuple[str, ...]]]:
    """Headers in groups: those that share a name, directly or through others."""
    groups: list[tuple[set[str], list[tuple[str, ...]]]] = []
    for header in headers:
        names, members = {name.casefold() for name in header}, [header]
        apart = []
        for known, others in groups:
            if names.isdisjoint(known):
                apart.append((known, others))
            else:
                names, members = names | known, [*others, *members]
        groups = [*apart, (names, members)]
    return [members for _, members in groups]


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(repr(n if len(n) <= _SHOWN else f"{n[:_SHOWN]}...") for n in names[:3])
    return f"{shown} and {len(names) - 3:,} more" if len(names) > 3 else shown  # noqa: PLR2004
