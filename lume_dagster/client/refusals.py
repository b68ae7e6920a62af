"""What a server refuses, as the error it was there."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from lume_dagster import errors
from lume_dagster.errors import (
    AuthenticationError,
    BusyError,
    ConnectorError,
    InvalidRequestError,
    LumeError,
    NotFoundError,
    RunError,
    TransientError,
)

#: The errors that a problem may name; those of waiting for a run are made here only.
_KINDS: Mapping[str, type[LumeError]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, LumeError) and not issubclass(kind, RunError)
}

#: By status, for what a proxy says, or a server that knows more errors than this client.
_BY_STATUS: Mapping[int, type[LumeError]] = {
    401: AuthenticationError,
    403: AuthenticationError,
    404: NotFoundError,
    408: TransientError,
    429: BusyError,
    502: TransientError,
    503: TransientError,
    504: TransientError,
}
_HINTS: Mapping[int, str] = {
    401: "look at LUME_API_KEY, or at api_key= of lume.init.",
    403: "what stands before the server does not let you through; look at LUME_API_URL.",
    404: "is LUME_API_URL the address of lume serve?",
    413: "what stands before the server takes smaller files only.",
}
_FIRST_ERROR = 400
_SERVERS = 500


def error_of(url: str, status: int, said: Mapping[str, Any]) -> LumeError:
    """The error of an answer: as its problem says it, else by its status."""
    kind = _KINDS.get(str(said.get("error"))) or _by_status(status)
    message = said.get("detail")
    hint = said.get("hint")
    if not message:
        message = f"The server at {url} answered {status}{_titled(said)}."
        hint = hint or _HINTS.get(status)
    wanted = inspect.signature(kind.__init__).parameters
    more = {name: said.get(name) for name in ("code", "run_id") if name in wanted}
    return kind(str(message), hint=None if hint is None else str(hint), **more)


def redirected(url: str, to: str | None) -> LumeError:
    """The key goes to nobody but whom it was meant for, so nobody is followed."""
    return ConnectorError(
        f"The server at {url} sends elsewhere{f', to {to}' if to else ''}.",
        hint="if that is the server you mean, give its address as LUME_API_URL or url=.",
    )


def not_understood(url: str, why: str) -> LumeError:
    """For an answer that is none of ours."""
    return ConnectorError(
        f"The server at {url} answered what this client does not understand: {why}.",
        hint=f"is it lume serve, and as new as this client? {url}/health tells its version.",
    )


def _by_status(status: int) -> type[LumeError]:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return InvalidRequestError if _FIRST_ERROR <= status < _SERVERS else ConnectorError


def _titled(said: Mapping[str, Any]) -> str:
    return f" ({said['title']})" if said.get("title") else ""
