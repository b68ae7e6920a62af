"""The routes of the HTTP API, and what `/openapi.json` says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from lume_dagster import __version__
from lume_dagster.errors import LumeError
from lume_dagster.server import downloads, flows, problems, runs, starting, uploads
from lume_dagster.server.answers import (
    Flow,
    FlowWithSchema,
    Health,
    Page,
    Problem,
    Run,
    RunWithFigures,
    Upload,
)
from lume_dagster.server.bodies import StartBody
from lume_dagster.server.door import OPEN, App, Door
from lume_dagster.server.keys import Keys
from lume_dagster.server.site import Site

_DESCRIPTION = """\
Runs of a lume_dagster project: what `lume.run(...)` and `lume run` do, for callers who have a key
and nothing else. Send the key as `Authorization: Bearer KEY` or `lume-api-key: KEY`.
"""


def _health() -> Health:
    """The server is there; needs no key."""
    return Health(version=__version__)


@dataclass(frozen=True, slots=True)
class Route:
    """One thing that can be asked."""

    method: str
    path: str
    endpoint: Callable[..., Any]
    answer: Any = None  # its form, where it is JSON
    status: int = 200
    media: tuple[str, ...] = ()  # its types, where it is a file
    body: Mapping[str, Any] = field(default_factory=dict)  # by type
    again: str | None = None  # what 200 means, where it is not the usual answer

    @property
    def has_head(self) -> bool:
        """Whether HEAD costs little: what is JSON."""
        return self.method == "GET" and not self.media


_FILE = {"schema": {"type": "string", "format": "binary"}}
_AGAIN = "The run that this Idempotency-Key has started."
_START = {"schema": {"$ref": "#/components/schemas/StartBody"}}

ROUTES = (
    Route("GET", "/health", _health, Health),
    Route("GET", "/v1/flows", flows.list_flows, Page[Flow]),
    Route("GET", "/v1/flows/{name}", flows.get_flow, FlowWithSchema),
    Route(
        "POST",
        "/v1/runs",
        starting.start_run,
        Run,
        202,
        body={"application/json": _START},
        again=_AGAIN,
    ),
    Route("GET", "/v1/runs", runs.list_runs, Page[Run]),
    Route("GET", "/v1/runs/{run_id}", runs.get_run, RunWithFigures),
    Route("POST", "/v1/runs/{run_id}/cancel", runs.cancel, Run, 202),
    Route("GET", "/v1/runs/{run_id}/output", downloads.get_output, media=("application/zip",)),
    Route(
        "GET",
        "/v1/runs/{run_id}/rejects",
        downloads.get_rejects,
        media=("text/csv", "application/jsonl"),
    ),
    Route(
        "POST",
        "/v1/runs/{run_id}/resubmit",
        starting.resubmit_run,
        Run,
        202,
        body={"application/octet-stream": _FILE},
        again=_AGAIN,
    ),
    Route(
        "POST", "/v1/uploads", uploads.upload, Upload, 201, body={"application/octet-stream": _FILE}
    ),
)

_HANDLERS: dict[int | type[Exception], Any] = {
    LumeError: problems.of_the_tree,
    problems.Refused: problems.of_a_refusal,
    HTTPException: problems.of_the_address,
    RequestValidationError: problems.of_a_parameter,
    ClientDisconnect: problems.of_a_hang_up,
    Exception: problems.of_nobody,
}


def make_app(site: Site, keys: Keys) -> App:
    """The application, behind the door that asks for keys."""
    app = FastAPI(
        title="lume_dagster",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,  # its pages come from somebody else's servers
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=_HANDLERS,
        generate_unique_id_function=_name,
    )
    app.state.site = site
    for route in ROUTES:
        _add(app, route)
    app.openapi = partial(_described, app, app.openapi)  # type: ignore[method-assign]  # as FastAPI says
    return Door(app, keys)


def _name(route: APIRoute) -> str:
    return route.name.lstrip("_")


def _add(app: FastAPI, route: Route) -> None:
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    responses: dict[int | str, dict[str, Any]] = {
        "default": {"description": "What is wrong.", "content": content}
    }
    if route.again is not None:
        responses[200] = {"description": route.again, "model": route.answer}
    if route.media:
        files = dict.fromkeys(route.media, _FILE)
        responses[200] = {"description": "A file.", "content": files}
    extra = {"requestBody": {"required": True, "content": route.body}} if route.body else {}
    app.add_api_route(
        route.path,
        route.endpoint,
        methods=[route.method],
        response_model=route.answer,
        response_class=Response if route.media else JSONResponse,
        status_code=route.status,
        responses=responses,
        openapi_extra={**extra, **({"security": []} if route.path in OPEN else {})},
    )
    if route.has_head:
        app.add_api_route(route.path, route.endpoint, methods=["HEAD"], include_in_schema=False)


def _described(app: FastAPI, describe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the framework says of the routes, with the keys and forms that it does not know of."""
    if app.openapi_schema is None:
        told = describe()
        parts = told.setdefault("components", {})
        schemas = parts.setdefault("schemas", {})
        schemas |= {m.__name__: m.model_json_schema() for m in (Problem, StartBody)}
        parts["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "header": {"type": "apiKey", "in": "header", "name": "lume-api-key"},
        }
        told["security"] = [{"bearer": []}, {"header": []}]
    return dict(app.openapi_schema or {})
