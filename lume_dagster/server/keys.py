"""Who may ask: the names of the keys, and what can tell a key from any other text."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import parse_qsl, unquote

from lume_dagster.errors import AuthenticationError, InvalidRequestError

VARIABLE = "LUME_API_KEYS"
SHORTEST = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_KEY = re.compile(r"[!-+\--~]+")  # what a header can carry, less the comma between two keys
_SCHEME = "bearer "
_MAKE = "python -c 'import secrets; print(secrets.token_urlsafe(32))' makes a key"

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Keys:
    """The digests of the keys by the names of those who have them; no key is kept."""

    digests: Mapping[str, bytes] = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Who may ask."""
        return tuple(self.digests)

    def owner(self, key: str) -> str | None:
        """Whose key it is; it takes as long for a wrong one as for a right one."""
        given = _digest(key)
        found = [name for name, own in self.digests.items() if hmac.compare_digest(own, given)]
        return found[0] if found else None

    def require(self, headers: Headers) -> str:
        """Who asks, by the key in ``Authorization: Bearer KEY`` or ``lume-api-key: KEY``.

        Raises:
            AuthenticationError: no key, or one that nobody has.
        """
        key = _given(headers)
        if key is None:
            raise AuthenticationError(
                "This request carries no key.", hint="send it as Authorization: Bearer KEY."
            )
        owner = self.owner(key)
        if owner is None:
            raise AuthenticationError(
                "Nobody has this key.", hint="ask whoever runs the server for one."
            )
        return owner

    def stand_in(self, path: str, query: str) -> bool:
        """Whether a key is part of an address, where proxies and browsers would write it down."""
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=None)
        words = {*map(unquote, path.split("/")), *(word for pair in pairs for word in pair)}
        return any(self.owner(word) for word in words if len(word) >= SHORTEST)


def _given(headers: Headers) -> str | None:
    found = [(name.lower(), value.decode("latin-1").strip()) for name, value in headers]
    bearers = [value for name, value in found if name == b"authorization"]
    if bearers:
        is_bearer = len(bearers) == 1 and bearers[0].lower().startswith(_SCHEME)
        return bearers[0][len(_SCHEME) :].strip() if is_bearer else None
    plain = [value for name, value in found if name == b"lume-api-key"]
    return plain[0] if len(plain) == 1 else None


def read_keys(text: str | None) -> Keys:
    """The keys of ``name=key`` entries, separated by commas. No message repeats what it was given.

    Raises:
        InvalidRequestError: there is none, or one cannot be a key.
    """
    entries = [entry.strip() for entry in (text or "").split(",") if entry.strip()]
    if not entries:
        raise InvalidRequestError(
            f"{VARIABLE} names no key, so nobody could ask.",
            hint=f"{_MAKE}; then export {VARIABLE}=NAME=KEY",
        )
    digests: dict[str, bytes] = {}
    for number, entry in enumerate(entries, 1):
        name, key = _entry(number, entry)
        if name in digests:
            _refuse(f"two keys are called {name!r}", "give each a name of its own")
        if _digest(key) in digests.values():
            _refuse(f"the key of {name!r} is another one's too", f"{_MAKE}")
        digests[name] = _digest(key)
    return Keys(digests)


def _entry(number: int, entry: str) -> tuple[str, str]:
    name, equals, key = entry.partition("=")
    if not equals or not _NAME.fullmatch(name):
        _refuse(
            f"entry {number} is not of the form name=key",
            "a name is made of letters, digits, '_', '.' and '-', 63 at most",
        )
    if len(key) < SHORTEST:
        _refuse(f"the key of {name!r} has {len(key)} of at least {SHORTEST} characters", _MAKE)
    if not _KEY.fullmatch(key):
        _refuse(f"the key of {name!r} has a character that no header can carry", _MAKE)
    return name, key


def _refuse(what: str, hint: str) -> NoReturn:
    raise InvalidRequestError(f"{VARIABLE}: {what}.", hint=hint)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
