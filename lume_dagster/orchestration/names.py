"""What things are called in Dagster: assets, ops, partitions, tags, metadata."""

from __future__ import annotations

import re

import dagster as dg

from lume_dagster.errors import InvalidRequestError, NotFoundError
from lume_dagster.flows.model import FlowVersion
from lume_dagster.runs.status import STEPS

RUN_PREFIX = "run_"
WORKSPACE_RESOURCE = "lume"
IO_MANAGER = "lume_io_manager"

#: Metadata of an asset that says what it is, whatever it is called.
VERSION = "lume/flow_version"
STEP = "lume/step"

#: Tags of a run. The first three are set when the client makes the run, and again when it starts.
TAG_VERSION = "lume/flow_version"
TAG_FLOW = "lume/flow"
TAG_SOURCE_PATH = "lume/source_path"
TAG_METADATA = "lume/run_metadata"
TAG_FORCED = "lume/force_rerun"
TAG_RESUBMITS = "lume/resubmits"
TAG_REPAIR = "lume/repair"  # no hidden one: Dagster forgets those when a person retries a run
TAG_SUPERVISOR = ".dagster/lume_supervisor"  # hidden in the UI
TAG_WORKER = ".dagster/lume_worker"
TAG_REJECTS = "lume/rejected_rows"
TAG_ERROR = "lume/error"
TAG_STARTED_BY = "lume/started_by"  # the name of the key, of a run that was started over HTTP
TAG_IDEMPOTENCY = ".dagster/lume_idempotency"  # hidden ones: a retry is another run
TAG_REQUEST = ".dagster/lume_request"  # what was asked for under that key, as a digest
TAG_STATUS = "lume/status"  # where Dagster's own status says less: PARTIAL_FAILED, FAILED

PARTITION_TAG = "dagster/partition"
ROOT_RUN_TAG = "dagster/root_run_id"
RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")

MAX_SOURCE_PATH = 2000
_SHOWN = 80  # characters of a source_path that a message repeats
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def asset_key(prefix: str, version: FlowVersion, step: str) -> dg.AssetKey:
    """``lume/flights/v1/transform``."""
    return dg.AssetKey([prefix, version.flow.flow, f"v{version.version}", step])


def version_of(key: dg.AssetKey) -> str | None:
    """``flights:v1`` from one of its asset keys; None for an asset that is not ours."""
    *_, flow, number, step = ["", "", "", *key.path]
    return f"{flow}:{number}" if step in STEPS and number.startswith("v") else None


def word(text: str) -> str:
    """A text as part of the name of an op: letters, digits and underscores."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", text)


def op_name(version: FlowVersion) -> str:
    """``flights_v1``."""
    return f"{version.flow.flow}_v{version.version}"


def pool_name(version: FlowVersion) -> str:
    """The pool of what writes one table: ``lume/warehouse/ops.flights``."""
    target = version.flow.target
    return re.sub(r"\s+", "_", f"lume/{target.connector}/{target.table}")


def partitions_name(prefix: str, version: FlowVersion) -> str:
    """The name of the version's partitions, which is global to a Dagster deployment."""
    return f"{prefix}/{version.flow.flow}/v{version.version}"


def run_tags(version: FlowVersion, source_path: str | None) -> dict[str, str]:
    """The tags that say what a run is; without a ``source_path`` where it takes many batches."""
    batch = {} if source_path is None else {TAG_SOURCE_PATH: source_path}
    return {TAG_VERSION: version.name, TAG_FLOW: version.flow.flow, **batch}


def public_id(dagster_run_id: str) -> str:
    """The id of a run as people see it."""
    return f"{RUN_PREFIX}{dagster_run_id}"


_OF_DAGSTER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # as its UI shows it


def dagster_id(run_id: str) -> str:
    """Dagster's id of a run, which may stand for itself; NotFoundError for what is none."""
    if _OF_DAGSTER.fullmatch(str(run_id)):
        return run_id
    if not str(run_id).startswith(RUN_PREFIX):
        raise NotFoundError(
            f"{run_id!r} is not a run id.", hint="it looks like run_1b2c...; lume runs lists them."
        )
    return run_id.removeprefix(RUN_PREFIX)


def check_source_path(source_path: str) -> str:
    """The ``source_path`` itself when it can be a partition key.

    Raises:
        InvalidRequestError: empty, too long, control characters, or ``...``, which Dagster reads as
            a range of partitions.
    """
    fault = _fault(source_path)
    if fault is None:
        return source_path
    shown = repr(source_path)
    if len(shown) > _SHOWN:
        shown = f"{shown[: _SHOWN - 3]}..."
    raise InvalidRequestError(f"The source_path {shown} {fault[0]}.", hint=fault[1])


def _fault(source_path: str) -> tuple[str, str] | None:
    if not source_path.strip():
        return "is empty", "name a file, a folder, a glob or a batch id."
    if source_path != source_path.strip():
        return "begins or ends with a blank", "remove it."
    if len(source_path) > MAX_SOURCE_PATH:
        return f"has {len(source_path)} characters", f"at most {MAX_SOURCE_PATH} are possible."
    if _CONTROL.search(source_path):
        return "contains a control character", "a line break or tab has slipped in."
    if "..." in source_path:
        return "contains '...'", "Dagster reads that as a range of partitions; rename the batch."
    return None
