"""HTTP in front of the service: Thrift posts, files of volumes, OAuth tokens, and faults."""

from __future__ import annotations

import base64
import json
import secrets
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TTransport import TMemoryBuffer

from lume_dagster_tests.servers.databricks.faults import Fault, Faults
from lume_dagster_tests.servers.databricks.rights import Rights
from lume_dagster_tests.servers.databricks.volume import Volumes

SIGNED = "/signed"


class Web(BaseHTTPRequestHandler):
    """One request. The class attributes are set once, before the server starts."""

    protocol_version = "HTTP/1.1"
    timeout = 600
    # One packet an answer: else each waits 40 ms for the acknowledgement of its headers.
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    processor: ClassVar[Any]
    volumes: ClassVar[Volumes]
    faults: ClassVar[Faults]
    tokens: ClassVar[set[str]]
    client: ClassVar[tuple[str, str]]  # id and secret of the service principal
    signature: ClassVar[str] = secrets.token_hex(16)
    unavailable: ClassVar[int] = 0  # how many requests are still answered 503

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Thrift, a token, or a wish of a test."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        if path == "/oidc/v1/token":
            self._token(body)
        elif not self._known():
            self._answer(403, headers={"x-databricks-reason-phrase": "Invalid access token."})
        elif path == "/faults":
            self._fault(json.loads(body))
        elif not path.startswith("/sql/1.0/warehouses/"):
            self._answer(404, headers={"x-databricks-reason-phrase": "No such warehouse."})
        elif Web.unavailable > 0:
            Web.unavailable -= 1
            self._answer(503, b'{"message":"The warehouse is starting."}', {"Retry-After": "1"})
        else:
            answer = TMemoryBuffer()
            asked = TBinaryProtocol(TMemoryBuffer(body))
            self.processor.process(asked, TBinaryProtocol(answer))
            self._answer(200, answer.getvalue(), {"Content-Type": "application/x-thrift"})

    def do_PUT(self) -> None:
        """Upload a file to a signed URL."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self._signed()
        if path:
            self.volumes.write(path, body)
        self._answer(204 if path else 403)

    def do_GET(self) -> None:
        """Download a file from a signed URL; or, for a test, the statements that came."""
        if self.path == "/faults" and self._known():
            self._answer(200, json.dumps(self.faults.statements).encode())
            return
        path = self._signed()
        local = self.volumes.local(path) if path else None
        there = local is not None and local.is_file()
        self._answer(200 if there else 404, local.read_bytes() if local and there else b"")

    def do_DELETE(self) -> None:
        """Delete a file at a signed URL."""
        path = self._signed()
        local = self.volumes.local(path) if path else None
        there = local is not None and local.is_file()
        if local and there:
            local.unlink()
        self._answer(204 if there else 404)

    def _known(self) -> bool:
        return self.headers.get("Authorization", "").removeprefix("Bearer ") in self.tokens

    def _signed(self) -> str | None:
        parts = urlsplit(self.path)
        signed = parse_qs(parts.query).get("signature") == [self.signature]
        return unquote(parts.path).removeprefix(SIGNED) if signed else None

    def _token(self, body: bytes) -> None:
        """OAuth for machines: a client's id and secret for a token that lasts."""
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        wanted = base64.b64encode(":".join(self.client).encode()).decode()
        form = parse_qs(body.decode())
        if given != wanted or form.get("grant_type") != ["client_credentials"]:
            self._answer(401, b'{"error":"invalid_client","error_description":"unknown client"}')
            return
        token = secrets.token_hex(16)
        self.tokens.add(token)
        told = {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
        self._answer(200, json.dumps(told).encode())

    def _fault(self, wish: dict[str, Any]) -> None:
        if "unavailable" in wish:
            Web.unavailable = int(wish["unavailable"])
        elif "age" in wish:
            self.volumes.age(float(wish["age"]))
        elif "rights" in wish:
            self.faults.rights = Rights(wish["rights"], tuple(wish.get("groups", ())))
        elif wish:
            self.faults.add(Fault(**wish))
        else:
            self.faults.clear()
        self._answer(204)

    def _answer(
        self, status: int, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
