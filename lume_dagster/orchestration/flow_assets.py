"""One flow version as assets, to be put into definitions of your own: a function, a decorator."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from lume_dagster.orchestration.body import Execute, run_flow
from lume_dagster.orchestration.io_manager import BATCHES
from lume_dagster.orchestration.translator import LumeTranslator
from lume_dagster.orchestration.workspace import Workspace, known, shared

if TYPE_CHECKING:
    from lume_dagster.orchestration.assets import OpOptions
    from lume_dagster.orchestration.translator import Placed

_KEY = "lume_batches"
_BATCHES = dg.IOManagerDefinition.hardcoded_io_manager(BATCHES)


def build_flow_assets(  # noqa: PLR0913 - the settings of an op, all but two by name
    flows: str | Path,
    flow: str,
    *,
    connectors: Mapping[str, object] | None = None,
    data: str | Path | None = None,
    prefix: str = "lume",
    translator: LumeTranslator | None = None,
    name: str | None = None,
    description: str | None = None,
    tags: Mapping[str, Any] | None = None,
    pool: str | None = None,
    backfill_policy: dg.BackfillPolicy | None = None,
    retry_policy: dg.RetryPolicy | None = None,
    run: Execute = run_flow,
    memory_limit: str = "2GB",
    threads: int | None = None,
    retry_waits: Sequence[float] = (1.0, 5.0),
) -> dg.AssetsDefinition:
    """The source, transform and target of one published version, made by one op.

    Args:
        flows: The library: a folder with a folder for each flow.
        flow: ``orders`` for the version that is active now, or ``orders:v2``.
        connectors: What the flow's connector names stand for. One that is not among them is a
            resource of your definitions by that name.
        data: Where staging and output lie; ``.lume`` beside the library when not said.
        prefix: The first part of every asset key.
        translator: What assets are called and how they are shown.
        name: What the op is called; ``<flow>_v<N>`` when not said.
        description: What people read of it.
        tags: Of the op, such as ``dagster/priority``.
        pool: A concurrency pool of the op.
        backfill_policy: How many partitions a run of a backfill takes; all when not said.
        retry_policy: Run the op again after a fault of the system.
        run: The body of the op, for what is to happen around a run.
        memory_limit: What the engine may use before it spills to disk.
        threads: The engine's threads; all there are when not said.
        retry_waits: Seconds to wait before trying again what a connector says may pass.

    Raises:
        FlowError: the version was changed, or cannot be an asset.
        InvalidRequestError: there is no such version.
    """
    from lume_dagster.flows.library import Library
    from lume_dagster.orchestration.assets import OpOptions
    from lume_dagster.orchestration.code_location import CodeLocation, absolute

    folder = absolute(flows)
    version = Library(folder).resolve_published(flow)
    made = Workspace(
        flows=folder,
        data=folder.parent / ".lume" if data is None else absolute(data),
        prefix=prefix,
        memory_limit=memory_limit,
        threads=threads,
        retry_waits=tuple(retry_waits),
    )
    workspace = known(shared(made))
    own = dict(connectors or {})
    wanted = (version.flow.source.connector, version.flow.target.connector)
    op = OpOptions(name, description, tags or {}, pool, backfill_policy, retry_policy)
    location = CodeLocation(
        workspace,
        [version],
        {**dict.fromkeys(wanted), **own},
        own=own,
        name=prefix,
        translator=translator,
    )
    (placed,) = location.placed()
    # A key of their own: definitions that hold other flows have another object by the usual one.
    specs = tuple(spec.with_io_manager_key(_KEY) for spec in placed.specs)
    return _with_batches(replace(placed, specs=specs), op, run)


def _with_batches(placed: Placed, op: OpOptions, run: Execute) -> dg.AssetsDefinition:
    from lume_dagster.orchestration.assets import version_assets

    with warnings.catch_warnings():  # a feature in beta, chosen knowingly
        warnings.filterwarnings("ignore", message=".*resource_defs.*")
        return version_assets(placed, op, run, {_KEY: _BATCHES})


def lume_assets(
    flows: str | Path, flow: str, **options: Any
) -> Callable[[Execute], dg.AssetsDefinition]:
    """Decorate the body of a flow's op: what happens before and after a run stands around it.

    The body is given the context and the placed version, and yields what ``run_flow`` yields. Its
    name is the op's, and its docstring the op's description, where ``options`` do not say them; the
    options are those of ``build_flow_assets``.
    """

    def decorate(body: Execute) -> dg.AssetsDefinition:
        told = {"name": getattr(body, "__name__", None), "description": inspect.getdoc(body)}
        return build_flow_assets(flows, flow, run=body, **{**told, **options})

    return decorate
