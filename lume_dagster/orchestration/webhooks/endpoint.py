"""Where a webhook is posted to, about which runs, and the secrets that sign it."""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import dagster as dg

from lume_dagster.errors import FlowError, InvalidRequestError, did_you_mean
from lume_dagster.runs.status import ENDED, Status

_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_PREFIX = "whsec_"
_LEAST_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One receiver of the outcomes of runs.

    Attributes:
        name: What people call it.
        url: Where to post; an ``EnvVar`` when it holds a token.
        secrets: What signs each message, the newest first; give ``EnvVar``. While a secret is being
            changed both are here: every message carries a signature by each of them.
        flows: Names of flows to tell of; all of them when empty.
        statuses: Outcomes to tell of.
        allow_private: Whether the address may be of this machine or of a private network.
        timeout: Seconds a receiver has to answer.
    """

    name: str
    url: str | dg.EnvVar = field(repr=False)
    secrets: tuple[str | dg.EnvVar, ...] = field(repr=False)
    flows: tuple[str, ...] = ()
    statuses: tuple[str, ...] = tuple(sorted(ENDED))
    allow_private: bool = False
    timeout: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what could never be delivered."""
        if not _NAME.fullmatch(self.name):
            raise FlowError(
                f"A webhook cannot be called {self.name!r}.",
                hint="use letters, digits, - and _.",
            )
        if not self.secrets:
            raise FlowError(
                f"The webhook {self.name} has no secret to sign with.",
                hint=f"make one: python -c \"import base64, secrets; print('{_PREFIX}'"
                ' + base64.b64encode(secrets.token_bytes(32)).decode())"',
            )
        for secret in self.secrets:
            if not isinstance(secret, dg.EnvVar):  # one of the environment is read when it is used
                _key(self, secret)
        for status in self.statuses:
            if status not in ENDED:
                raise FlowError(
                    f"The webhook {self.name} waits for runs that end {status!r}.",
                    hint=did_you_mean(status, ENDED),
                )

    def concerns(self, flow: str | None, status: Status) -> bool:
        """Whether a run of the flow that ended so is told of."""
        return status in self.statuses and (not self.flows or flow in self.flows)

    def address(self) -> str:
        """The URL.

        Raises:
            InvalidRequestError: its variable is not set, or it is no http URL.
        """
        url = _value(self, self.url)
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise InvalidRequestError(
                f"The url of webhook {self.name} is not an http or https URL.",
                hint="write https://host/path, without a user or password.",
            )
        return url

    def keys(self) -> list[bytes]:
        """The bytes of the secrets, the newest first.

        Raises:
            InvalidRequestError: a variable is not set, or a secret is too short to keep.
        """
        return [_key(self, _value(self, secret)) for secret in self.secrets]


@dataclass(frozen=True, slots=True)
class Receivers:
    """The webhooks of a project, as a resource in which `lume webhooks` finds them."""

    webhooks: tuple[Webhook, ...]


def distinct(webhooks: Sequence[Webhook]) -> tuple[Webhook, ...]:
    """The same, each with a name of its own.

    Raises:
        FlowError: two are called the same.
    """
    for name, times in Counter(w.name for w in webhooks).items():
        if times > 1:
            raise FlowError(f"{times} webhooks are called {name}.", hint="rename one of them.")
    return tuple(webhooks)


def _value(webhook: Webhook, given: str | dg.EnvVar) -> str:
    if not isinstance(given, dg.EnvVar):
        return given
    found = given.get_value()
    if not found:
        raise InvalidRequestError(
            f"The environment variable {given.env_var_name} is not set;"
            f" the webhook {webhook.name} reads it.",
            hint=f"export {given.env_var_name}=... before starting Dagster.",
        )
    return found


def _key(webhook: Webhook, secret: str) -> bytes:
    """The bytes after ``whsec_`` in base64, as Standard Webhooks writes them; else the text."""
    key = secret.encode()
    if secret.startswith(_PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            raise InvalidRequestError(
                f"A secret of webhook {webhook.name} is not base64 after {_PREFIX}.",
                hint="copy it again, or leave the prefix away to use the text itself.",
            ) from None
    if len(key) < _LEAST_BYTES:
        raise InvalidRequestError(
            f"A secret of webhook {webhook.name} has {len(key)} bytes.",
            hint=f"use {_LEAST_BYTES} at least.",
        )
    return key
