"""A provider on loopback that answers as scripted, in both wire shapes, and records what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Turn = Any  # what a turn is: see ``Script``


@dataclass(frozen=True)
class Status:
    """An error of the provider; ``echo`` is put into its message."""

    code: int
    echo: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Raw:
    """Arguments of the tool that are not what was asked for, or not even JSON."""

    arguments: str


@dataclass(frozen=True)
class Refusal:
    """The model will not answer."""


@dataclass(frozen=True)
class Prose:
    """Words in place of a call of the tool."""

    text: str


@dataclass(frozen=True)
class Body:
    """An answer that is not of either shape."""

    text: str


class Drop:
    """The connection ends without an answer."""


class Hang:
    """There is no answer until the server is closed."""


@dataclass(frozen=True)
class Seen:
    """A request as it went over the wire."""

    path: str
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found


@dataclass
class Script:
    """The turns in order, the last one for ever: answers, or one of the troubles above.

    A function is given the request's body and returns a turn.
    """

    turns: Sequence[Turn]
    seen: list[Seen] = field(default_factory=list)
    usage: tuple[int, int] = (1_000, 100)
    closing: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def next(self, seen: Seen) -> Turn:
        self.seen.append(seen)
        turn = self.turns[min(len(self.seen), len(self.turns)) - 1]
        return (
            turn(seen.body) if isinstance(turn, Callable) and not isinstance(turn, type) else turn
        )  # type: ignore[arg-type]

    @property
    def sent(self) -> str:
        """All that left, as one text with its escapes undone."""
        return "\n".join(json.dumps(s.body, ensure_ascii=False) + s.text for s in self.seen)


@contextmanager
def serve(*turns: Turn, usage: tuple[int, int] = (1_000, 100)) -> Generator[Script]:
    """A provider on a free port of 127.0.0.1."""
    script = Script(turns, usage=usage)

    class Handler(_Handler):
        told = script

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield script
    finally:
        script.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    told: Script

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        turn = self.told.next(Seen(self.path, headers, text))
        if turn is Drop:
            self.close_connection = True
        elif turn is Hang:
            self.told.closing.wait(20)
            self.close_connection = True
        elif isinstance(turn, Status):
            self._reply(
                turn.code,
                {"error": {"message": f"scripted {turn.echo}", "type": "scripted"}},
                turn.headers,
            )
        elif isinstance(turn, Body):
            self._write(200, turn.text.encode(), {})
        else:
            anthropic = self.path.partition("?")[0].endswith("/messages")
            body = json.loads(text)
            self._reply(
                200, (_anthropic if anthropic else _openai)(body, turn, self.told.usage), {}
            )

    def _reply(self, code: int, value: Any, headers: dict[str, str]) -> None:
        self._write(code, json.dumps(value).encode(), headers)

    def _write(self, code: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _openai(body: dict[str, Any], turn: Turn, usage: tuple[int, int]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None}
    if isinstance(turn, Refusal):
        message["refusal"] = "I will not."
        finish = "stop"
    elif isinstance(turn, Prose) or not body.get("tools"):
        message["content"] = turn.text if isinstance(turn, Prose) else json.dumps(turn)
        finish = "stop"
    else:
        arguments = turn.arguments if isinstance(turn, Raw) else json.dumps(turn)
        function = {"name": body["tools"][0]["function"]["name"], "arguments": arguments}
        message["tool_calls"] = [{"id": "c1", "type": "function", "function": function}]
        finish = "tool_calls"
    return {
        "id": "x", "object": "chat.completion", "created": 1, "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)},
    }  # fmt: skip


def _anthropic(body: dict[str, Any], turn: Turn, usage: tuple[int, int]) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    reason = "refusal"
    if isinstance(turn, Prose):
        content.append({"type": "text", "text": turn.text})
        reason = "end_turn"
    elif not isinstance(turn, Refusal):
        given = {"answers": turn.arguments} if isinstance(turn, Raw) else turn
        content.append(
            {"type": "tool_use", "id": "t", "name": body["tools"][0]["name"], "input": given}
        )
        reason = "tool_use"
    return {
        "id": "m", "type": "message", "role": "assistant", "model": body["model"], "content": content,
        "stop_reason": reason, "stop_sequence": None,
        "usage": {"input_tokens": usage[0], "output_tokens": usage[1]},
    }  # fmt: skip
