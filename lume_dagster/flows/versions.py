"""Read one version of a flow from its folder, and refuse it when it is not what was published."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from lume_dagster.errors import FlowError, Problem, VersionChangedError, did_you_mean
from lume_dagster.flows.diff import flow_digest, part_digests
from lume_dagster.flows.flow_file import parse, read_bytes
from lume_dagster.flows.lock_file import LOCK_NAME, LockFile, Published
from lume_dagster.flows.model import Flow, FlowVersion
from lume_dagster.flows.seeds import file_digest, seed_digests, seed_path, seed_problems

FILE_NAME = "flow.yaml"


def draft_of(folder: Path, lock: LockFile) -> FlowVersion:
    """The draft in a flow's folder, under the number it would be published with."""
    flow = checked_flow(folder, folder.parent)
    if flow.flow != folder.name:
        message = f"{folder / FILE_NAME}: flow: is {flow.flow!r}, the folder is {folder.name!r}."
        raise FlowError(message, hint="give both the same name.")
    digest = flow_digest(flow, seed_digests(flow, folder, folder.parent))
    return _version(flow, (lock.newest.version if lock.newest else 0) + 1, digest, folder)


def checked_flow(folder: Path, within: Path | None = None) -> Flow:
    """The flow in a folder, with seeds that lookups can use; all problems in one error."""
    path = folder / FILE_NAME
    content = read_bytes(path)
    flow = parse(content, path)
    problems = seed_problems(flow.seeds, folder, within)
    if problems:
        from lume_dagster.flows.flow_file import placed_problems

        raise FlowError.of(placed_problems(problems, content, path))
    return flow


def published_version(folder: Path, entry: Published) -> FlowVersion:
    """A published version, exactly as it was published.

    Raises:
        VersionChangedError: it is not; names the file and the parts that differ.
    """
    home = version_folder(folder, entry.version)
    path = home / FILE_NAME
    if not path.is_file():
        raise _changed(folder, entry, f"{path} is missing")
    content = read_bytes(path)
    same_bytes = hashlib.sha256(content).hexdigest() == entry.file
    flow = parse(content, path) if same_bytes else _parse_changed(content, path, folder, entry)
    differences = list(_seed_differences(flow, home, entry))
    differences += [] if same_bytes else _part_differences(flow, entry)
    if not differences and flow_digest(flow, entry.seeds) != entry.digest:
        differences.append(f"{LOCK_NAME} has another digest")
    if differences:
        raise _changed(folder, entry, f"{path}: {', '.join(differences)}")
    return _version(flow, entry.version, entry.digest, home, published=True)


def version_folder(folder: Path, version: int) -> Path:
    """Where a published version lies; finishes the last step of a publishing that was cut off."""
    home, staged = folder / f"v{version}", staged_folder(folder, version)
    if not home.exists() and staged.exists():
        try:
            staged.rename(home)
        except OSError:  # a folder that can only be read, or another process was faster
            return home if home.exists() else staged
    return home


def staged_folder(folder: Path, version: int) -> Path:
    """Where a version is put together before the lock file names it."""
    return folder / f".publishing-v{version}"


def _version(
    flow: Flow, number: int, digest: str, folder: Path, *, published: bool = False
) -> FlowVersion:
    return FlowVersion(
        flow=flow,
        version=number,
        digest=digest,
        folder=os.path.abspath(folder),  # noqa: PTH100 - absolute, but with the links people made
        published=published,
    )


# -- what changed -----------------------------------------------------------------------------


def _changed(folder: Path, entry: Published, what: str) -> VersionChangedError:
    name = f"{folder.name}:v{entry.version}"
    message = f"{name} is not what was published at {entry.published_at}: {what}."
    hint = f"restore {folder.name}/v{entry.version} (git checkout), and publish the change anew."
    file = str(version_folder(folder, entry.version) / FILE_NAME)
    return VersionChangedError(message, hint=hint, problems=(Problem(message, hint, file=file),))


def _parse_changed(content: bytes, path: Path, folder: Path, entry: Published) -> Flow:
    try:
        return parse(content, path)
    except FlowError as error:
        what = f"{path} no longer reads: {error.problems[0].fact.rstrip('.')}"
        raise _changed(folder, entry, what) from error


def _seed_differences(flow: Flow, home: Path, entry: Published) -> Iterator[str]:
    for name, seed in flow.seeds.items():
        try:
            digest = file_digest(seed_path(home, seed))
        except FlowError as error:
            yield error.message.rstrip(".")
            continue
        if digest != entry.seeds.get(name):
            yield f"the seed {seed.path} changed"


def _part_differences(flow: Flow, entry: Published) -> Iterator[str]:
    now, then = part_digests(flow), entry.parts
    for part in sorted({*now, *then}):
        if part not in now:
            yield f"{part} is gone"
        elif part not in then:
            yield f"{part} is new"
        elif now[part] != then[part]:
            yield f"{part} changed"


def not_found(what: str, known: list[str], name: str) -> str:
    """A hint for a flow or version that does not exist: the nearest, and what there is."""
    near = did_you_mean(name, known)
    listed = f"{what} {', '.join(known)}." if known else near
    if near.startswith("known") or not known:
        return listed
    return near if len(known) == 1 else f"{near} {listed}"
