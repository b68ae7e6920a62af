"""Azure Blob Storage from the npm package ``azurite``, which checks keys and SAS; or a real one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest

from lume_dagster_tests.servers.fleet import server
from lume_dagster_tests.servers.process import answers, free_port, installed, running

#: ``az://container/prefix?account_name=...&account_key=...``: a real place instead of azurite.
REAL = "LUME_TEST_AZURE_BLOB_URL"

_ACCOUNT, _VERSION = "devaccount", "2023-11-03"


@dataclass(frozen=True)
class AzuriteServer:
    """A running azurite with one account."""

    port: int
    key: str = field(repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{_ACCOUNT}"

    def config(self) -> dict[str, Any]:
        """What an ``AzureBlobConnector`` is made with, but for its root."""
        return {"account_url": self.url, "account_key": self.key, "max_attempts": 2}

    def new_container(self) -> str:
        """An empty container."""
        name = f"test-{secrets.token_hex(6)}"
        self.request("PUT", name, {"restype": "container"})
        return name

    def request(
        self, method: str, path: str, query: dict[str, str], **headers: str
    ) -> dict[str, str]:
        """A request signed with the account's key; the answer's headers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": _VERSION, **named}
        signed = [f"{name}:{sent[name]}" for name in sorted(sent)]
        asked = [f"{name}:{query[name]}" for name in sorted(query)]
        resource = f"/{_ACCOUNT}/{_ACCOUNT}/{path}"
        text = "\n".join([method, *[""] * 11, *signed, resource, *asked])
        sent["Authorization"] = f"SharedKey {_ACCOUNT}:{self._sign(text)}"
        url = f"{self.url}/{quote(path)}?{urlencode(query)}"
        request = urllib.request.Request(url, method=method, headers=sent, data=b"")
        request.add_header("Content-Type", "")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return dict(answer.headers)

    def sas(self, rights: str) -> str:
        """A SAS for all blobs of the account with some rights, such as ``rl``."""
        fields = {
            "sv": _VERSION,
            "ss": "b",
            "srt": "co",
            "sp": rights,
            "se": f"{datetime.now(UTC).year + 1}-01-01T00:00:00Z",
        }
        order = [_ACCOUNT, rights, "b", "co", "", fields["se"], "", "", _VERSION, "", ""]
        return urlencode({**fields, "sig": self._sign("\n".join(order))})

    def _sign(self, text: str) -> str:
        digest = hmac.new(base64.b64decode(self.key), text.encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()


@contextmanager
def azurite_server() -> Iterator[AzuriteServer]:
    """azurite in a process of its own; its state is in memory.

    Raises:
        ServerUnavailable: it is not installed.
    """
    program = installed("azurite/node_modules/.bin/azurite-blob")
    found = AzuriteServer(free_port(), base64.b64encode(secrets.token_bytes(64)).decode())
    where = ["--blobHost", "127.0.0.1", "--blobPort", found.port]
    how = "--inMemoryPersistence --silent --skipApiVersionCheck --disableTelemetry".split()
    how += ["--blobKeepAliveTimeout", "600"]  # else it hangs up on whoever is slow for five seconds
    env = {**os.environ, "AZURITE_ACCOUNTS": f"{_ACCOUNT}:{found.key}"}
    with tempfile.TemporaryDirectory(prefix="lume-azurite-") as home:
        log = Path(home, "log")
        with running([program, *where, *how], log, lambda: answers(found.port), env=env, cwd=home):
            yield found


azurite = server("azurite", "Azure Blob Storage", azurite_server)


def _real(place: str) -> dict[str, Any]:
    parts = urlsplit(place)
    root = f"{parts.scheme}://{parts.netloc}{parts.path}/{secrets.token_hex(6)}"
    return {"root": root, **dict(parse_qsl(parts.query))}


if REAL in os.environ:

    @pytest.fixture
    def azure_config() -> dict[str, Any]:
        """What an ``AzureBlobConnector`` for an empty place is made with."""
        return _real(os.environ[REAL])

else:

    @pytest.fixture
    def azure_config(azurite: AzuriteServer) -> dict[str, Any]:
        """What an ``AzureBlobConnector`` for an empty place is made with."""
        return {"root": f"az://{azurite.new_container()}/at home", **azurite.config()}
