"""Read the header and digest of seed files, and check that lookups in them have one answer.

A seed is CSV as RFC 4180 has it: UTF-8, commas, double quotes, one header line. Its values are
read here only to check the key, one record at a time; the engine reads them for lookups.
"""

from __future__ import annotations

import csv
import hashlib
import os
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path, PurePosixPath

from lume_dagster.errors import FlowError, Problem, counted, did_you_mean
from lume_dagster.flows.model import Flow, FlowVersion, Seed

_BUCKETS = 256
_SHOWN = 3  # examples in a message
_OTHERS = (";", "\t", "|")  # what stands between the fields of other people's CSV files


@dataclass(frozen=True, slots=True)
class SeedFile:
    """A seed as it lies on disk."""

    path: Path
    columns: tuple[str, ...]
    digest: str  # sha256 of its bytes


def seed_path(folder: Path, seed: Seed, within: Path | None = None) -> Path:
    """Where the seed lies: inside ``folder``, or by a link inside ``within`` (the library).

    Raises:
        FlowError: the file is not there, or a link leads out.
    """
    path = folder / seed.path
    if _is_led_away(folder, seed):
        real = _followed(path)
        allowed = [home.resolve() for home in (folder, within) if home is not None]
        if not any(real.is_relative_to(home) for home in allowed):
            message = f"the seed {seed.path} leads out of {folder}."
            raise FlowError(message, hint="copy the file in.")
    if not path.is_file():
        there = [str(p.relative_to(folder)) for p in path.parent.glob("*.csv")]
        hint = did_you_mean(seed.path, there) if there else "put the CSV file there."
        raise FlowError(f"there is no seed file {path}.", hint=hint)
    return path


def _is_led_away(folder: Path, seed: Seed) -> bool:
    """Whether a link or ``..`` stands on the way; a seed lies where its path says without."""
    said = PurePosixPath(seed.path)
    steps = islice(accumulate(said.parts, os.path.join, initial=str(folder)), 1, None)
    return said.is_absolute() or ".." in said.parts or any(map(os.path.islink, steps))


def _followed(path: Path) -> Path:
    """Where the path leads when every link is followed."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # before Python 3.13 a loop of links is a RuntimeError
        message = f"the seed {path} cannot be followed: its links make a loop."
        raise FlowError(message, hint="copy the file in.") from None


def read_seed(path: Path) -> SeedFile:
    """The header and digest of a seed file."""
    with _sentences(path), path.open(newline="", encoding="utf-8-sig") as file:
        columns = tuple(next(csv.reader(file, strict=True), ()))
    return SeedFile(path, columns, file_digest(path))


def file_digest(path: Path) -> str:
    """The sha256 of a file's bytes, read in pieces."""
    with _sentences(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seed_digests(flow: Flow, folder: Path, within: Path | None = None) -> dict[str, str]:
    """The digest of each seed's file, by the seed's name."""
    return {name: file_digest(seed_path(folder, seed, within)) for name, seed in flow.seeds.items()}


def seed_columns(version: FlowVersion) -> Mapping[str, tuple[str, ...]]:
    """The columns of each seed of a version, by the seed's name."""
    folder = Path(version.folder)
    return {
        name: read_seed(seed_path(folder, seed, folder.parent)).columns
        for name, seed in version.flow.seeds.items()
    }


# -- checking ---------------------------------------------------------------------------------


def seed_problems(
    seeds: Mapping[str, Seed], folder: Path, within: Path | None = None
) -> list[Problem]:
    """Everything that would keep a lookup in a flow's seeds from having one answer."""
    problems = []
    for name, seed in seeds.items():
        try:
            path = seed_path(folder, seed, within)
            problems += [Problem(m, h, ("seeds", name)) for m, h in _flaws(path, seed)]
        except FlowError as error:
            problems.append(Problem(error.message, error.hint, ("seeds", name, "path")))
    return problems


def _flaws(path: Path, seed: Seed) -> Iterator[tuple[str, str | None]]:
    columns = read_seed(path).columns
    if not columns:
        yield f"{path} is empty.", "its first line must name the columns."
        return
    blank = [index for index, column in enumerate(columns, 1) if not column.strip()]
    if blank:
        yield f"{path} has no name for column {blank[0]}.", "name every column in the header."
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        yield f"{path} has two columns called {twice[0]!r}.", "rename one."
    if seed.key not in columns:
        hint = did_you_mean(seed.key, columns)
        other = _other_delimiter(columns, seed.key)
        if other is not None:
            hint = f"its fields stand between {other!r}: save it with commas."
        yield f"{path} has no column {seed.key!r}, the key.", hint
    elif not twice:
        yield from _key_flaws(path, seed.key)


def _other_delimiter(columns: Sequence[str], key: str) -> str | None:
    """What stands between the names of a header that was read as one, the key among them."""
    if len(columns) > 1:
        return None
    return next((d for d in _OTHERS if key in columns[0].split(d)), None)


def _key_flaws(path: Path, key: str) -> Iterator[tuple[str, str | None]]:
    """Look for keys that are empty or come twice, in eight bytes of memory a row.

    Keys are first compared by hash, and only those with equal hashes as text on a second reading:
    a seed of ten million rows takes 80 MB, where a set of its keys would take a gigabyte.
    """
    buckets = [array("q") for _ in range(_BUCKETS)]
    empty: list[int] = []
    for line, value in _keys(path, key):
        if value:
            buckets[hash(value) % _BUCKETS].append(hash(value))
        elif len(empty) < _SHOWN:
            empty.append(line)
    if empty:
        yield f"{path}:{empty[0]}: the key {key!r} is empty.", "remove the row, or fill it in."
    suspects = {h for bucket in buckets for h, n in _repeated(bucket) if n > 1}
    if not suspects:
        return
    counts = Counter(value for _, value in _keys(path, key) if value and hash(value) in suspects)
    twice = [value for value, n in counts.items() if n > 1]
    if twice:
        shown = ", ".join(map(repr, twice[:_SHOWN])) + (", ..." if len(twice) > _SHOWN else "")
        message = f"{path}: keys that come more than once ({len(twice)}): {shown}."
        yield message, f"a lookup must have one answer: make {key!r} unique."


def _repeated(bucket: array[int]) -> Iterator[tuple[int, int]]:
    if len(set(bucket)) < len(bucket):
        yield from Counter(bucket).items()


def _keys(path: Path, key: str) -> Iterator[tuple[int, str]]:
    """The line and key of each record; a record of another length than the header is refused."""
    with _sentences(path), path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, strict=True)
        header = next(reader)
        at = header.index(key)
        for record in reader:
            if len(record) == len(header):
                yield reader.line_num, record[at]
            elif record:
                place = f"{path}:{reader.line_num}"
                message = f"{place}: {counted(len(record), 'field')}, the header has {len(header)}."
                raise FlowError(message, hint="put values that hold commas in double quotes.")


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """Turn what reading a CSV file can raise into one error with the file's name."""
    try:
        yield
    except UnicodeDecodeError as error:
        message = f"{path} is not UTF-8: byte 0x{error.object[error.start]:02X}."
        raise FlowError(message, hint="save the seed as UTF-8.") from None
    except csv.Error as error:
        hint = "a quote inside a quoted field is written twice."
        raise FlowError(f"{path} is not CSV: {error}.", hint=hint) from None
    except OSError as error:
        raise FlowError(f"{path} cannot be read: {error.strerror}.") from None
