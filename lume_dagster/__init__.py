"""Map data one does not control into a schema one does, as Dagster assets."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lume_dagster.collector import without_collector

if TYPE_CHECKING:
    from lume_dagster.client import LumeRun, init, run, run_status, runs, upload_file
    from lume_dagster.client.comparing import compare
    from lume_dagster.client.pipelines import Job, Pipeline
    from lume_dagster.client.results import Result
    from lume_dagster.client.workshops import Workshop
    from lume_dagster.errors import (
        ApiError,
        AuthenticationError,
        BatchError,
        BusyError,
        ConnectorError,
        EngineError,
        FlowError,
        InvalidRequestError,
        LumeError,
        MissingExtraError,
        NotFoundError,
        NotNowError,
        PlanError,
        RunError,
        RunFailedError,
        RunTimeoutError,
    )
    from lume_dagster.flows.model import Flow
    from lume_dagster.mapper.workshop.mapper import Mapper
    from lume_dagster.mapper.workshop.mapping import Mapping
    from lume_dagster.orchestration.arrival import Arrival
    from lume_dagster.orchestration.batch_schedule import BatchSchedule
    from lume_dagster.orchestration.body import run_flow
    from lume_dagster.orchestration.checks.options import Checks
    from lume_dagster.orchestration.component.flows import LumeFlowComponent, LumeFlowsComponent
    from lume_dagster.orchestration.component.webhooks import LumeWebhooksComponent
    from lume_dagster.orchestration.connector_io_manager import ConnectorIOManager
    from lume_dagster.orchestration.definitions import build_definitions
    from lume_dagster.orchestration.flow_assets import build_flow_assets, lume_assets
    from lume_dagster.orchestration.translator import FlowProps, LumeTranslator, SeedProps
    from lume_dagster.orchestration.webhooks.endpoint import Webhook

__version__ = "0.1.0"

__all__ = [
    "ApiError",
    "Arrival",
    "AuthenticationError",
    "BatchError",
    "BatchSchedule",
    "BusyError",
    "Checks",
    "ConnectorError",
    "ConnectorIOManager",
    "EngineError",
    "Flow",
    "FlowError",
    "FlowProps",
    "InvalidRequestError",
    "Job",
    "LumeError",
    "LumeFlowComponent",
    "LumeFlowsComponent",
    "LumeRun",
    "LumeTranslator",
    "LumeWebhooksComponent",
    "Mapper",
    "Mapping",
    "MissingExtraError",
    "NotFoundError",
    "NotNowError",
    "Pipeline",
    "PlanError",
    "Result",
    "RunError",
    "RunFailedError",
    "RunTimeoutError",
    "SeedProps",
    "Webhook",
    "Workshop",
    "build_definitions",
    "build_flow_assets",
    "compare",
    "init",
    "lume_assets",
    "run",
    "run_flow",
    "run_status",
    "runs",
    "upload_file",
]

#: Where the names live that are not errors. A name is imported when it is first used: Dagster
#: imports this package in every process of every step.
_HOME = {
    "Arrival": "lume_dagster.orchestration.arrival",
    "BatchSchedule": "lume_dagster.orchestration.batch_schedule",
    "Checks": "lume_dagster.orchestration.checks.options",
    "ConnectorIOManager": "lume_dagster.orchestration.connector_io_manager",
    "Flow": "lume_dagster.flows.model",
    "FlowProps": "lume_dagster.orchestration.translator",
    "Job": "lume_dagster.client.pipelines",
    "LumeFlowComponent": "lume_dagster.orchestration.component.flows",
    "LumeFlowsComponent": "lume_dagster.orchestration.component.flows",
    "LumeRun": "lume_dagster.client",
    "LumeTranslator": "lume_dagster.orchestration.translator",
    "LumeWebhooksComponent": "lume_dagster.orchestration.component.webhooks",
    "Mapper": "lume_dagster.mapper.workshop.mapper",
    "Mapping": "lume_dagster.mapper.workshop.mapping",
    "Pipeline": "lume_dagster.client.pipelines",
    "Result": "lume_dagster.client.results",
    "SeedProps": "lume_dagster.orchestration.translator",
    "Webhook": "lume_dagster.orchestration.webhooks.endpoint",
    "Workshop": "lume_dagster.client.workshops",
    "build_definitions": "lume_dagster.orchestration.definitions",
    "build_flow_assets": "lume_dagster.orchestration.flow_assets",
    "compare": "lume_dagster.client.comparing",
    "init": "lume_dagster.client",
    "lume_assets": "lume_dagster.orchestration.flow_assets",
    "run": "lume_dagster.client",
    "run_flow": "lume_dagster.orchestration.body",
    "run_status": "lume_dagster.client",
    "upload_file": "lume_dagster.client",
}


def __getattr__(name: str) -> Any:
    """Import a public name from where it lives."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with without_collector():
        home = import_module(_HOME.get(name, "lume_dagster.errors"))
    value = getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted([*__all__, "__version__"])


class _Face(ModuleType):
    """``lume.runs(...)`` lists runs, although ``lume_dagster.runs`` is a room of the house too.

    Importing anything from the room would put the room in the function's place.
    """

    @property
    def runs(self) -> Any:
        """The function of the client."""
        return import_module("lume_dagster.client").runs

    @runs.setter
    def runs(self, room: ModuleType) -> None:
        """What the import of the room does; it is found in ``sys.modules`` all the same."""


if not TYPE_CHECKING:
    sys.modules[__name__].__class__ = _Face
