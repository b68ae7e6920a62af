"""Ask a server over HTTP, and again when that may help: five times, with growing pauses."""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import count
from math import inf
from pathlib import Path
from typing import Any, TypeVar

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError  # requests lets some of its errors through

from lume_dagster import __version__
from lume_dagster.client.access import BUNDLE, URL, Access
from lume_dagster.client.refusals import error_of, redirected
from lume_dagster.errors import (
    ConnectorError,
    InvalidRequestError,
    LumeError,
    TransientError,
)

T = TypeVar("T")

_SHORTEST_SILENCE = 10.0
_LONGEST_PAUSE = 120.0  # that a server may ask for; who asks for more is taken to be away
_PASSING = frozenset({408, 429, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAYS_ITS_END = ("Content-Length", "Transfer-Encoding")
_BROKEN = 500
_GOOD = range(200, 300)


@dataclass(frozen=True, slots=True)
class Call:
    """One request. ``repeatable`` is one that, made twice, has done what once does."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    json: Mapping[str, Any] | None = None
    file: Path | None = None  # sent as the body
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True
    patience: float = 0.0  # seconds that the server was asked to take
    tries: int = 5
    until: float = inf  # of the monotonic clock: later, nothing is tried again


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why a call did not succeed, and whether and when it may."""

    error: LumeError
    passing: bool
    after: float | None = None  # seconds that the server asked for


class _Bearer(AuthBase):
    """Puts the key into a request; without it, requests would look for a password in ~/.netrc."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class Line:
    """A line to a server. Connections are kept from one call to the next."""

    def __init__(self, access: Access, *, first_pause: float = 1.0) -> None:
        """``first_pause`` is doubled from try to try."""
        self.url = access.url
        self._access, self._first_pause = access, first_pause
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"lume-dagster/{__version__}"

    def __repr__(self) -> str:
        return f"<Line to {self.url}>"

    def call(self, call: Call, take: Callable[[requests.Response], T]) -> T:
        """What ``take`` makes of the answer, which it may read piece by piece.

        Raises:
            LumeError: what the server refuses; TransientError where it does not answer.
        """
        for number in count(1):
            fault = self._tried(call, take)
            if not isinstance(fault, _Fault):
                return fault
            pause = self._pause(fault, number) if number < call.tries else None
            if pause is None or time.monotonic() + pause > call.until:
                raise fault.error  # without its cause, whose frames hold the key
            time.sleep(pause)
        raise AssertionError  # count never ends

    def _tried(self, call: Call, take: Callable[[requests.Response], T]) -> T | _Fault:
        try:
            with self._sent(call) as answer:
                if answer.status_code in _GOOD:
                    self._require_an_end(answer)
                    return take(answer)
                return self._refused(call, answer)
        except TransientError as error:  # what was taken broke off
            return _Fault(error, passing=True)
        except (requests.RequestException, HTTPError) as error:
            return self._unheard(call, error)
        except UnicodeEncodeError as error:
            raise InvalidRequestError(
                f"{error.object[:200]!r} cannot be sent: it is no UTF-8.",
                hint="give the file or the batch another name.",
            ) from None

    @contextmanager
    def _sent(self, call: Call) -> Iterator[requests.Response]:
        with _opened(call.file) as body:
            answer = self._session.request(
                call.method,
                f"{self.url}{call.path}",
                params=list(call.query),
                json=call.json,
                data=body,
                headers=dict(call.headers),
                auth=_Bearer(self._access.key),
                timeout=(self._silence(call), self._silence(call) + call.patience),
                allow_redirects=False,
                verify=self._access.bundle or True,
                stream=True,
            )
        with answer:
            yield answer

    def _require_an_end(self, answer: requests.Response) -> None:
        """Of an answer that is over when the line is, nobody can tell whether it is whole."""
        if not any(name in answer.headers for name in _SAYS_ITS_END):
            raise TransientError(f"The answer of the server at {self.url} broke off.")

    def _refused(self, call: Call, answer: requests.Response) -> _Fault:
        status = answer.status_code
        if status in _REDIRECTS:
            return _Fault(redirected(self.url, _origin(answer)), passing=False)
        error = error_of(self.url, status, _problem(answer))
        passing = status in _PASSING or (status == _BROKEN and call.repeatable)
        if type(error) is ConnectorError and status != _BROKEN:
            passing = False  # the system behind the server said no, and will say so again
        return _Fault(error, passing, _seconds(answer.headers.get("Retry-After")))

    def _unheard(self, call: Call, error: Exception) -> _Fault:
        root = _root(error)
        if isinstance(error, ValueError):  # as requests calls what it cannot even begin with
            unusable = InvalidRequestError(f"{self.url} cannot be asked: {error}")
            return _Fault(unusable, passing=False)
        if isinstance(root, ssl.SSLCertVerificationError):
            told = ConnectorError(
                f"The certificate of {self.url} is not trusted: {root.verify_message}.",
                hint=f"name the PEM file of who signed it in {BUNDLE}.",
            )
            return _Fault(told, passing=False)
        if isinstance(root, ssl.SSLError) and not isinstance(root, ssl.SSLEOFError):
            told = ConnectorError(
                f"{self.url} does not speak TLS: {root.reason or root}.",
                hint=f"is it http://? {URL} says where the server is.",
            )
            return _Fault(told, passing=False)
        told = TransientError(
            f"The server at {self.url} does not answer: {self._reason(call, error, root)}.",
            hint=f"is lume serve running there? {URL} says where; runs that were started go on.",
        )
        return _Fault(told, passing=True)

    def _silence(self, call: Call) -> float:
        """Seconds that the server may be silent beyond those it was asked to take."""
        left = max(call.until - time.monotonic() - call.patience, _SHORTEST_SILENCE)
        return min(self._access.timeout, left)

    def _reason(self, call: Call, error: Exception, root: BaseException) -> str:
        if isinstance(error, requests.Timeout):
            return f"it was silent for {self._silence(call) + call.patience:.3g} s"
        if isinstance(root, OSError) and root.strerror:
            return root.strerror.lower()
        return str(root).rstrip(".") or type(root).__name__

    def _pause(self, fault: _Fault, number: int) -> float | None:
        """Seconds until the next try, None for none; by chance, as many clients may wait."""
        if not fault.passing:
            return None
        if fault.after is not None:
            pause = fault.after * random.uniform(1.0, 1.25)  # noqa: S311 - jitter, not a secret
            return pause if fault.after <= _LONGEST_PAUSE else None
        pause = self._first_pause * float(2 ** (number - 1))
        return pause * random.uniform(0.5, 1.5)  # noqa: S311


@contextmanager
def _opened(file: Path | None) -> Iterator[Any]:
    """A body anew for each try."""
    if file is None:
        yield None
        return
    with file.open("rb") as body:
        yield body


def _problem(answer: requests.Response) -> Mapping[str, Any]:
    """What the server says is wrong; of a page for people, the reason in its status line."""
    try:
        said = answer.json()
    except requests.RequestException:
        said = None
    return said if isinstance(said, dict) else {"title": answer.reason}


def _origin(answer: requests.Response) -> str | None:
    """Where an answer sends to, without a query, which may hold what is secret."""
    to = answer.headers.get("Location")
    return to.partition("?")[0] if to and "@" not in to else None


def _seconds(said: str | None) -> float | None:
    """``Retry-After`` in seconds or as a date."""
    if not said:
        return None
    if said.strip().isdecimal():
        return float(said)
    try:
        when = parsedate_to_datetime(said)
    except ValueError:
        return None
    return max((when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)


def _root(error: BaseException) -> BaseException:
    """The error at the bottom of those that libraries wrap around it."""
    inner = [getattr(error, "reason", None), *error.args, error.__cause__]
    found = next((e for e in inner if isinstance(e, BaseException)), None)
    return error if found is None else _root(found)
