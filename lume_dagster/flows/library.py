"""A folder of flows: each with its draft, its published versions and its lock file.

    flights/flow.yaml  flights/seeds/*.csv          the draft, which people edit
    flights/v1/flow.yaml  flights/v1/seeds/*.csv    a version, which nothing changes
    flights/flow.lock                               what was published and activated, when, by whom

A version is a folder of its own, so that v1 still runs when a person edits a seed for v2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from lume_dagster.errors import FlowError, InvalidRequestError, NotFoundError, Problem
from lume_dagster.flows.diff import Change, diff
from lume_dagster.flows.lock_file import LOCK_NAME, Activation, LockFile, read_lock
from lume_dagster.flows.model import FlowVersion
from lume_dagster.flows.versions import FILE_NAME, draft_of, not_found, published_version

_VERSION = re.compile(r"v([1-9][0-9]{0,8})")
#: Names that people give a draft, in place of flow.yaml.
_MISNAMED = ("flow.yml", "draft.yaml", "flow.json")


@dataclass(frozen=True, slots=True)
class Loaded:
    """All that a library holds, and all that is wrong with the rest."""

    versions: tuple[FlowVersion, ...]  # published, by flow and number
    drafts: tuple[FlowVersion, ...]
    active: tuple[tuple[str, int], ...]  # flow -> its active version
    problems: tuple[Problem, ...]

    def require(self) -> Loaded:
        """The same, or one FlowError with every problem."""
        if self.problems:
            raise FlowError.of(self.problems)
        return self


@dataclass(frozen=True, slots=True)
class Library:
    """The flows in a folder; the folder is read anew at every call."""

    folder: Path

    def flows(self) -> tuple[str, ...]:
        """Names of the flows, in order of the alphabet."""
        if not self.folder.is_dir():
            message = f"there is no library folder {self.folder}."
            raise InvalidRequestError(message, hint="`lume init` makes a project with one.")
        return tuple(sorted(f.name for f in self.folder.iterdir() if f.is_dir() and _is_flow(f)))

    def lock(self, flow: str) -> LockFile:
        """What was published and activated: the audit trail of a flow."""
        return read_lock(self._home(flow))

    def versions(self, flow: str) -> tuple[int, ...]:
        """Numbers of the published versions."""
        return tuple(v.version for v in self.lock(flow).versions)

    def active(self, flow: str) -> int | None:
        """The number of the active version; None before the first is published."""
        return self.lock(flow).active

    def resolve(self, address: str) -> FlowVersion:
        """The version at ``name``, ``name:active``, ``name:vN`` or ``name:draft``.

        Raises:
            NotFoundError: there is no such flow or version; says what there is.
            VersionChangedError: the version is not what was published; says what changed.
            FlowError: the draft has problems.
        """
        flow, _, which = str(address).partition(":")
        home = self._home(flow)
        lock = read_lock(home)
        if which == "draft":
            if not (home / FILE_NAME).is_file():
                raise _no_such(flow, which, lock, home)
            return draft_of(home, lock)
        number = lock.active if which in ("", "active") else _number(which)
        entry = None if number is None else lock.published(number)
        if entry is None:
            raise _no_such(flow, which or "active", lock, home)
        return published_version(home, entry)

    def resolve_published(self, address: str) -> FlowVersion:
        """The same, for what is to run: a draft is refused."""
        version = self.resolve(address)
        if not version.published:
            raise InvalidRequestError(
                f"{address} is a draft.",
                hint="try it out with lume run --dry-run 10, and then publish it:"
                f" lume publish {version.flow.flow}",
            )
        return version

    def publish(
        self,
        flow: str,
        *,
        author: str,
        note: str = "",
        force: bool = False,
        at: datetime | None = None,
    ) -> FlowVersion:
        """Freeze the draft as the next version; see publishing.publish."""
        from lume_dagster.flows.publishing import publish

        return publish(self._home(flow), author=author, note=note, force=force, at=at)

    def activate(
        self, address: str, *, author: str, note: str = "", at: datetime | None = None
    ) -> Activation:
        """Let ``name`` stand for the version at ``name:vN``; also the way back to an older one."""
        from lume_dagster.flows.publishing import activate

        version = self.resolve(address)
        if not version.published:
            hint = f"publish it first: lume publish {version.flow.flow}."
            raise InvalidRequestError(f"{address} is a draft and cannot be active.", hint=hint)
        home = self._home(version.flow.flow)
        return activate(home, version.version, author=author, note=note, at=at)

    def diff(self, before: str, after: str) -> tuple[Change, ...]:
        """What differs between the versions at two addresses."""
        return diff(self.resolve(before), self.resolve(after))

    def load_all(self, *, drafts: bool = True) -> Loaded:
        """Every version of every flow, and every problem of those that cannot be loaded."""
        versions: list[FlowVersion] = []
        found: list[FlowVersion] = []
        active: list[tuple[str, int]] = []
        problems: list[Problem] = []
        for name in self.flows():
            home = self.folder / name
            problems += _strays(home)
            lock = _kept(partial(read_lock, home), problems, home / LOCK_NAME)
            if lock is None:
                continue
            problems += _unpublished(home, lock)
            active += [(name, lock.active)] if lock.active is not None else []
            loads = [partial(published_version, home, entry) for entry in lock.versions]
            versions += _all_kept(loads, problems, home)
            if drafts and (home / FILE_NAME).is_file():
                found += _all_kept([partial(draft_of, home, lock)], problems, home)
        return Loaded(tuple(versions), tuple(found), tuple(active), tuple(problems))

    def _home(self, flow: str) -> Path:
        home = self.folder / flow
        if not re.fullmatch(r"[A-Za-z0-9_-]+", flow) or not _is_flow(home):
            known = list(self.flows())
            hint = not_found("there are", known, flow)
            if known and _VERSION.fullmatch(flow):
                hint = f"a version is written with its flow, as in {known[0]}:{flow}."
            raise NotFoundError(f"there is no flow {flow!r} in {self.folder}.", hint=hint)
        return home


def _is_flow(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (FILE_NAME, LOCK_NAME, *_MISNAMED))


def _number(which: str) -> int | None:
    found = _VERSION.fullmatch(which)
    return int(found[1]) if found else None


def _no_such(flow: str, which: str, lock: LockFile, home: Path) -> NotFoundError:
    known = [f"v{v.version}" for v in lock.versions]
    if which == "active" and not known:
        hint = f"publish the draft first (lume publish {flow}), or name it: {flow}:draft."
        return NotFoundError(f"{flow} has no published version.", hint=hint)
    known += ["active"] if lock.active is not None else []
    known += ["draft"] if (home / FILE_NAME).is_file() else []
    near = f"v{which}" if f"v{which}" in known else which
    hint = not_found("it has", known, near)
    return NotFoundError(f"{flow} has no version {which!r}.", hint=hint)


# -- problems of a whole library --------------------------------------------------------------


def _strays(home: Path) -> Iterator[Problem]:
    for name in _MISNAMED:
        if (home / name).is_file():
            yield Problem("is not read.", f"call it {FILE_NAME}.", file=str(home / name))


def _unpublished(home: Path, lock: LockFile) -> Iterator[Problem]:
    """Folders that look like versions and were never published."""
    known = {entry.version for entry in lock.versions}
    for folder in sorted(home.iterdir()):
        number = _number(folder.name)
        if number is not None and number not in known and folder.is_dir():
            message = f"looks like a version, but {LOCK_NAME} does not know it."
            hint = f"restore the {LOCK_NAME} it was published in, or remove the folder if none was."
            yield Problem(message, hint, file=str(folder))


T = TypeVar("T")


def _all_kept(
    loads: Iterable[Callable[[], FlowVersion]], problems: list[Problem], home: Path
) -> list[FlowVersion]:
    kept = (_kept(load, problems, home / FILE_NAME) for load in loads)
    return [version for version in kept if version is not None]


def _kept(load: Callable[[], T], problems: list[Problem], file: Path) -> T | None:
    """What loading gives; where it fails, its problems are added to the others."""
    try:
        return load()
    except FlowError as error:
        problems += [p if p.file else _at(p, file) for p in error.problems]
        return None


def _at(problem: Problem, file: Path) -> Problem:
    return problem if str(file.parent) in problem.message else replace(problem, file=str(file))
