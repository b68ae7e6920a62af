"""Serve a project over HTTP until somebody ends it: socket, TLS, signals, and the log."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from types import FrameType

import uvicorn

from lume_dagster.errors import InvalidRequestError
from lume_dagster.server.app import make_app
from lume_dagster.server.door import App
from lume_dagster.server.keys import Keys
from lume_dagster.server.problems import LOGGER
from lume_dagster.server.site import Limits, open_site
from lume_dagster.server.waiting import Waiting

_IDLE = 75  # seconds a connection is kept for the next request: longer than proxies keep theirs
_LAST = 30  # seconds for what is being answered when the server is told to end
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: For TLS 1.2; uvicorn's own choice is of the time of TLS 1.0. Those of TLS 1.3 are good.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the server listens."""

    host: str = "127.0.0.1"
    port: int = 3030
    certificate: Path | None = None
    key: Path | None = None

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine can reach it."""
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False

    def url(self, port: int) -> str:
        """Where it is called."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.certificate else ''}://{host}:{port}"


def serve(
    folder: Path, keys: Keys, place: Place, limits: Limits, tell: Callable[[str], None]
) -> None:
    """Serve the project in a folder; ``tell`` is called with the URL when it can be asked.

    Raises:
        InvalidRequestError: the port is taken, or the certificate and its key are none.
    """
    _require_certificate(place)
    with listening(place) as door, open_site(folder, limits, keys.names) as site, _logging():
        server = _Server(make_app(site, keys), place, site.waiting)
        tell(place.url(door.getsockname()[1]))
        asyncio.run(server.serve(sockets=[door]))


class _Server(uvicorn.Server):
    """uvicorn's, which ends when it is told to, and is not killed by the signal once more."""

    def __init__(self, app: App, place: Place, waiting: Waiting) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,  # the door writes its own, without queries
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_IDLE,
                timeout_graceful_shutdown=_LAST,
                ssl_certfile=place.certificate,
                ssl_keyfile=place.key,
                ssl_ciphers=_CIPHERS,
            )
        )
        self._waiting = waiting

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Within the block a signal asks the server to end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._end) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.force_exit = self.should_exit  # the second time nobody is waited for
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Who waits for a run is answered now, and asks the next server again."""
        self._waiting.stop()
        await super().shutdown(sockets)


@contextmanager
def listening(place: Place) -> Iterator[socket.socket]:
    """The socket that clients come to.

    Raises:
        InvalidRequestError: somebody else listens there, or there is no such address.
    """
    kind = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    # asyncio sends at once only where a socket says that it is TCP's; else answers wait 40 ms.
    with socket.socket(kind, socket.SOCK_STREAM, socket.IPPROTO_TCP) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((place.host, place.port))
            door.listen(128)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise InvalidRequestError(
                f"The server cannot listen on port {place.port} of {place.host}:"
                f" {why.lower().rstrip('.')}.",
                hint="end what listens there, or take another port: lume serve --port PORT",
            ) from None
        yield door


def _require_certificate(place: Place) -> None:
    if place.certificate is None:
        if place.key is not None:
            raise InvalidRequestError(
                "--tls-key goes with --tls-certificate.", hint="give both, or neither."
            )
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(place.certificate, place.key, password="")
    except (OSError, ssl.SSLError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InvalidRequestError(
            f"{place.certificate} and its key cannot be used for TLS: {why.lower()}.",
            hint="give PEM files: the certificate with its chain, and a key without a password.",
        ) from None


@contextmanager
def _logging() -> Iterator[None]:
    """Lines on stderr: one for each request, and what goes wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%S%z"))
    loggers = (LOGGER, logging.getLogger("uvicorn.error"))
    before = [(logger, logger.level, logger.propagate) for logger in loggers]
    for logger, level in zip(loggers, (logging.INFO, logging.WARNING), strict=True):
        logger.addHandler(handler)
        logger.setLevel(level)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, old, propagate in before:
            logger.removeHandler(handler)
            logger.setLevel(old)
            logger.propagate = propagate
