"""A receiver of webhooks that fails half of the time, and verifies what it takes."""

from __future__ import annotations

import hashlib
import hmac
import random
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError


@dataclass
class Received:
    """What came."""

    url: str
    asked: int = 0
    unsigned: int = 0
    taken: set[str] = field(default_factory=set)


@contextmanager
def receiver(secret: str, chance: random.Random) -> Iterator[Received]:
    """A server on the loopback interface."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                received.asked += 1
                received.unsigned += not _is_signed(secret, body, dict(self.headers.items()))
                fails = chance.random() < 0.5
                if not fails:
                    received.taken.add(self.headers["webhook-id"])
            self.send_response(503 if fails else 204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received = Received(f"http://127.0.0.1:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _is_signed(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    key = b64decode(secret.removeprefix("whsec_"))
    mine = hmac.new(key, body, hashlib.sha256).hexdigest()
    given = {name.lower(): value for name, value in headers.items()}
    return hmac.compare_digest(given.get("x-lume-signature-256", ""), mine)
