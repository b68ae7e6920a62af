"""The server the client speaks to, and the key: as ``init`` was told, or the environment says."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from lume_dagster.errors import AuthenticationError, InvalidRequestError

URL, KEY, BUNDLE = "LUME_API_URL", "LUME_API_KEY", "LUME_CA_BUNDLE"
_PRINTABLE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Given:
    """What ``init`` was told; what it was not told is read from the environment at each call."""

    api_key: str | None = field(default=None, repr=False)
    url: str | None = None
    request_timeout: float = 60


@dataclass(frozen=True, slots=True)
class Access:
    """A server, the key to it, and how long it may be silent."""

    url: str
    key: str = field(repr=False)
    timeout: float = 60
    bundle: str | None = None  # the file of the authorities whose certificates count


class _Memory:
    """What ``init`` was told last, for the whole process."""

    given = Given()


def remember(given: Given) -> None:
    """Use this from now on."""
    _Memory.given = given


def known_access(given: Given | None = None) -> Access | None:
    """The server to speak to; None where none is named.

    Raises:
        AuthenticationError: a server is named, and no key that can be one.
        InvalidRequestError: its address is none.
    """
    told = given or _Memory.given
    url = told.url or os.environ.get(URL)
    if not url:
        return None
    address = _address(url.strip())
    key = (told.api_key or os.environ.get(KEY) or "").strip()
    if not key:
        raise AuthenticationError(
            f"There is no API key for the server at {address}.",
            hint=f"set {KEY}, or give api_key= to lume.init; who runs the server has keys.",
        )
    if not _PRINTABLE.fullmatch(key):
        raise AuthenticationError(
            "The API key holds blanks, line breaks or letters that no key has.",
            hint=f"look at {KEY}: it is the key alone, without its name and without quotes.",
        )
    if not told.request_timeout > 0:
        raise InvalidRequestError(
            f"request_timeout is {told.request_timeout!r}.", hint="give seconds, such as 60."
        )
    return Access(address, key, told.request_timeout, _bundle())


def _address(url: str) -> str:
    """The address without what does not belong in it; a password in it is not repeated."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise InvalidRequestError(
            "The address of the server is no address.",
            hint=f"{URL} (or url=) looks like https://lume.example.com or http://127.0.0.1:3030.",
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise InvalidRequestError(
            f"The address of the server on {parts.hostname} holds more than an address.",
            hint=f"leave out what stands before @ or after ? and #; the key goes into {KEY}.",
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/v1')}"


def _bundle() -> str | None:
    named = os.environ.get(BUNDLE)
    if named and not Path(named).exists():
        raise InvalidRequestError(
            f"{BUNDLE} is {named}, and there is no such file.",
            hint="name the PEM file of the authority that signed the server's certificate.",
        )
    return named or None
