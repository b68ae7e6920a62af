"""Everything that goes wrong is answered in one form: ``application/problem+json`` of RFC 9457."""

from __future__ import annotations

import errno
import logging
import uuid
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from lume_dagster.errors import (
    AuthenticationError,
    BatchError,
    BatchRefusedError,
    BusyError,
    ConnectorError,
    EngineError,
    FlowError,
    InvalidRequestError,
    LumeError,
    MissingExtraError,
    NotFoundError,
    NotNowError,
    OutdatedError,
    PlanError,
    TransientError,
)

MEDIA_TYPE = "application/problem+json"
LOGGER = logging.getLogger("lume_dagster.server")

#: The status of an error is that of the first of its classes that stands here.
STATUSES: Mapping[type[LumeError], int] = {
    AuthenticationError: 401,
    NotFoundError: 404,
    NotNowError: 409,
    OutdatedError: 409,
    InvalidRequestError: 400,
    BusyError: 429,
    FlowError: 422,
    PlanError: 422,
    BatchError: 422,
    BatchRefusedError: 422,
    TransientError: 503,
    ConnectorError: 502,
    EngineError: 507,
    MissingExtraError: 500,
    LumeError: 500,
}

#: What goes with a status: who may try again, and when.
_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "Bearer"},
    429: {"Retry-After": "5"},
    503: {"Retry-After": "5"},
}
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class Refused(Exception):  # noqa: N818 - an answer, whose error is in it
    """An error of the tree with a status that its class alone does not say."""

    def __init__(
        self, status: int, error: LumeError, headers: Mapping[str, str] | None = None
    ) -> None:
        """Such as a body that is too large: 413, and an InvalidRequestError."""
        self.status, self.error, self.headers = status, error, dict(headers or {})
        super().__init__(str(error))


def status_of(error: LumeError) -> int:
    """The HTTP status that says what kind of error it is."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def problem(
    error: LumeError, status: int | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The answer that says what is wrong, where, and what to do."""
    status = status or status_of(error)
    run_id = getattr(error, "run_id", None)
    told = {
        **_head(status, error.message, error.hint, type(error).__name__),
        **({"run_id": run_id} if run_id else {}),
    }
    return _answer(status, told, headers)


def unforeseen(error: Exception) -> JSONResponse:
    """The answer to an error that nobody foresaw; all that it says stands in the log alone."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        full = EngineError("The server's disk is full.", hint="tell whoever runs the server.")
        return problem(full)
    number = uuid.uuid4()
    LOGGER.error("error %s", number, exc_info=error)
    told = _head(500, "The server failed.", f"its log says why, under {number}", "LumeError")
    return _answer(500, {**told, "instance": f"urn:uuid:{number}"})


def _head(status: int, detail: str, hint: str | None, error: str) -> dict[str, Any]:
    title = HTTPStatus(status).phrase
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "hint": hint,
        "error": error,
    }


def _answer(
    status: int, told: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> JSONResponse:
    more = {**_HEADERS.get(status, {}), **(headers or {})}
    return JSONResponse(told, status, headers=more, media_type=MEDIA_TYPE)


# -- what the framework raises ------------------------------------------------------------------


async def of_the_tree(_: Request, error: Exception) -> JSONResponse:
    """An error of ours."""
    assert isinstance(error, LumeError)  # noqa: S101 - it is registered for that class
    return problem(error)


async def of_a_refusal(_: Request, error: Exception) -> JSONResponse:
    """An error of ours with a status of its own."""
    assert isinstance(error, Refused)  # noqa: S101
    return problem(error.error, error.status, error.headers)


async def of_the_address(request: Request, error: Exception) -> JSONResponse:
    """No such path, or another method."""
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(_methods(request))
        wrong = InvalidRequestError(
            f"{request.url.path} does not take {request.method}.", hint=f"it takes {allowed}."
        )
        return problem(wrong, error.status_code, {"Allow": allowed})
    missing = NotFoundError(
        f"There is nothing at {request.url.path}.", hint="GET /openapi.json lists what there is."
    )
    return problem(missing, error.status_code, error.headers)


def _methods(request: Request) -> list[str]:
    """What this path takes; the framework names what its first route takes."""
    there = [r for r in request.app.routes if r.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in there for method in getattr(route, "methods", ())})


async def of_a_hang_up(_: Request, error: Exception) -> JSONResponse:
    """The connection broke while the body came; nobody reads this but the log's line."""
    del error
    return problem(InvalidRequestError("The connection broke before the end of the body."))


async def of_a_parameter(_: Request, error: Exception) -> JSONResponse:
    """What the address asks for cannot be meant."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return problem(invalid(error.errors()))


async def of_nobody(_: Request, error: Exception) -> JSONResponse:
    """What nobody foresaw."""
    return unforeseen(error)


def invalid(faults: Sequence[Mapping[str, Any]]) -> InvalidRequestError:
    """A sentence for each thing that is wrong, with its place."""
    return InvalidRequestError(
        " ".join(dict.fromkeys(map(_sentence, faults))), hint="GET /openapi.json says what may be."
    )


#: Where the framework finds things, as people call it.
_PLACES = {"query": "The parameter ", "header": "The header ", "path": "The path's "}

#: What is wrong, by the framework's word for it; what it was held to fills the gaps.
_FAULTS = {
    "missing": "is missing",
    "extra_forbidden": "is unknown",
    "string_type": "is no text",
    "string_too_long": "has more than {max_length} characters",
    "string_pattern_mismatch": "has a control character",
    "int_parsing": "is no whole number",
    "int_from_float": "is no whole number",
    "float_parsing": "is no number",
    "bool_type": "is neither true nor false",
    "bool_parsing": "is neither true nor false",
    "list_type": "is no list",
    "dict_type": "is no object",
    "model_type": "is no object",
    "literal_error": "is not {expected}",
    "greater_than_equal": "is less than {ge}",
    "less_than_equal": "is more than {le}",
    "too_long": "is there more than {max_length} times",
}


def _sentence(fault: Mapping[str, Any]) -> str:
    place = [str(part) for part in fault["loc"]]
    kind = _PLACES.get(place[0], "") if place else ""
    name = ".".join(place[1:] if kind else place) or "The body"
    said = _FAULTS.get(fault["type"])
    if said is None:
        return f"{kind}{name}: {fault['msg']}."
    return f"{kind}{name} {said.format_map(fault.get('ctx', {}))}."
