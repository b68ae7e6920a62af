"""Post a message to a receiver that nobody here controls, and is not trusted."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import urlsplit

_SHOWN = 200  # characters of an answer
_ACCEPTED = range(200, 300)
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a post: the receiver's status, or why there is none."""

    status: int | None
    said: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the receiver took the message."""
        return self.status in _ACCEPTED


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, timeout: float, allow_private: bool
) -> Answer:
    """Post once; whatever goes wrong is an answer too.

    The name is looked up once and the connection made to the address that was judged, so that a
    name cannot come to mean another address in between.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        address = _address(host, port, allow_private=allow_private)
    except (OSError, UnicodeError, ValueError) as error:
        return Answer(None, f"{host} {_why(error)}")
    connection = _Connection(address, host, port, timeout, secure=parts.scheme == "https")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # A receiver that answers a byte at a time never makes a read time out.
    end = threading.Timer(timeout, connection.end)
    end.daemon = True
    end.start()
    try:
        connection.request("POST", path, body, {**headers, "Connection": "close"})
        return _answer(connection.getresponse())
    except (OSError, HTTPException) as error:
        why = f"did not answer in {timeout:g} s" if connection.ended else _why(error)
        return Answer(None, f"{host} {why}")
    finally:
        end.cancel()
        connection.close()


class _Connection(HTTPConnection):
    """A connection to an address that was looked up before, for a host that it still names."""

    def __init__(
        self, address: tuple[object, ...], host: str, port: int, timeout: float, *, secure: bool
    ) -> None:
        super().__init__(host, port, timeout=timeout)
        self._address = address
        self._secure = secure
        self.ended = False

    def connect(self) -> None:
        """Connect to the address, and with TLS prove that it is the host's."""
        family, place = self._address
        plain = socket.socket(family, socket.SOCK_STREAM)  # type: ignore[arg-type]
        self.sock = plain
        plain.settimeout(self.timeout)
        plain.connect(place)  # type: ignore[arg-type]
        if self._secure:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(plain, server_hostname=self.host)

    def end(self) -> None:
        """Break off, whatever is going on."""
        self.ended = True
        if self.sock is not None:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                self.sock.close()


def _address(host: str, port: int, *, allow_private: bool) -> tuple[object, ...]:
    """The first address of a host that may be posted to."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for family, _, _, _, place in found:
        address = ipaddress.ip_address(str(place[0]).partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or address
        if allow_private or (mapped.is_global and not mapped.is_multicast):
            return family, place
    raise ValueError("is a private address; allow_private=True lets the webhook go there")


def _answer(response: HTTPResponse) -> Answer:
    said = response.read(_SHOWN).decode("utf-8", "replace")
    shown = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    if 300 <= response.status < 400:  # noqa: PLR2004 - a redirect could lead anywhere
        shown = "It redirects, which is not followed."
    return Answer(response.status, shown)


def _why(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "is not known"
    if isinstance(error, TimeoutError):
        return "did not answer in time"
    if isinstance(error, ssl.SSLError):
        return f"is not trusted: {error.reason or error}"
    if isinstance(error, ValueError):
        return str(error)
    return f"cannot be reached: {getattr(error, 'strerror', None) or error}"
