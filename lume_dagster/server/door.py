"""The door that every request comes through: it asks for the key, and writes the log's line."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi.responses import JSONResponse

from lume_dagster.errors import AuthenticationError, InvalidRequestError
from lume_dagster.server.keys import Keys
from lume_dagster.server.problems import LOGGER, problem, unforeseen

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

OPEN = frozenset({"/health", "/openapi.json"})
_LONGEST_LOGGED = 200
_NOBODY = "-"
_ALWAYS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class Door:
    """An ASGI application around another one; ``request.state.caller`` is who asks."""

    def __init__(self, app: App, keys: Keys) -> None:
        """Nothing reaches ``app`` without a key of ``keys``, but for what is open to all."""
        self._app, self._keys = app, keys

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here; one line in the log either way."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, answer = time.monotonic(), _Answer(send)
        refusal, caller = self._judge(scope)
        scope.setdefault("state", {})["caller"] = caller
        try:
            if refusal is None:
                await self._app(scope, receive, answer.send)
            else:
                await refusal(scope, receive, answer.send)
        except Exception as error:  # noqa: BLE001 - the door: it is answered, and logged
            if answer.status is None:
                await unforeseen(error)(scope, receive, answer.send)
            elif not answer.is_told:
                LOGGER.error("the answer was cut off", exc_info=error)  # the server hangs up
        finally:
            took = round((time.monotonic() - began) * 1000)
            logged = [
                caller or _NOBODY,
                scope["method"],
                self._logged(scope),
                answer.status or _NOBODY,
            ]
            LOGGER.info("%s %s %s %s %d ms", *logged, took)

    def _judge(self, scope: Message) -> tuple[JSONResponse | None, str | None]:
        """The answer to a request that may not come in, and who asks."""
        if self._is_in_address(scope):
            exposed = InvalidRequestError(
                "A key stands in the address of this request, where proxies write it down.",
                hint="send it as Authorization: Bearer KEY, and ask for another one.",
            )
            return problem(exposed), None
        if scope["path"] in OPEN:
            return None, None
        try:
            return None, self._keys.require(scope["headers"])
        except AuthenticationError as error:
            return problem(error), None

    def _is_in_address(self, scope: Message) -> bool:
        query = scope.get("query_string", b"").decode("latin-1")
        return self._keys.stand_in(scope["path"], query)

    def _logged(self, scope: Message) -> str:
        """The path as it was sent, which is plain ASCII; never the query, and never a key."""
        if self._keys.stand_in(scope["path"], ""):
            return "(key)"
        raw = scope.get("raw_path") or scope["path"].encode()
        path = raw.partition(b"?")[0].decode("ascii", "backslashreplace")
        return "".join(c if c.isprintable() else "?" for c in path[:_LONGEST_LOGGED])


class _Answer:
    """What was answered, on its way out."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None
        self.is_told = False  # that something failed, before the answer began

    async def send(self, message: Message) -> None:
        """Pass it on, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.is_told = self.status >= 500  # noqa: PLR2004 - the framework raises it once more
            message = {**message, "headers": [*message.get("headers", ()), *_ALWAYS]}
        await self._send(message)
