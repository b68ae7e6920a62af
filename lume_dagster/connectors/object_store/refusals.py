"""Turn what an object store answers, or fails to answer, into a sentence without any secret."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from lume_dagster.connectors.hidden import without_secrets
from lume_dagster.errors import BatchError, ConnectorError, TransientError

Act = Literal["list", "read", "write", "delete"]

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"(?:<Code>|\(code: )([A-Za-z.]+)")
_MESSAGE = re.compile(r"<Message>([^<\n]+)")
_CAUSES = tuple(
    re.compile(rf'{before}\s*"([^"]+)"') for before in ("message:", "error:", r"ConnectError\(")
)
_SIGNATURE = re.compile(r"(?i)\b(sig|x-amz-signature|x-amz-security-token)=[^&\s\"']+")
_LATER = frozenset({"408", "429", "500", "502", "503", "504"})
_DENIED = "403"
_LONGEST = 300  # characters of an answer that is no error document
_SLOW_CODES = frozenset({"SlowDown", "RequestTimeout", "ServerBusy", "OperationTimedOut"})


class RightMissingError(ConnectorError):
    """The store knows who asks, and does not let them do this."""


class ConflictError(Exception):
    """A conditional put came second."""


@dataclass(frozen=True, slots=True)
class System:
    """A kind of object store: its words, and what to do about what it says."""

    name: str  # S3
    bucket: str  # what it calls a bucket
    rights: Mapping[Act, str]  # what an act needs
    no_right: frozenset[str]  # codes of a refusal that is about rights, not about who asks
    hints: Mapping[str, str]  # by code, or by words of the answer


@dataclass(frozen=True, slots=True)
class Where:
    """Which store answers, for people; and what must never be shown to them."""

    system: System
    uri: str  # of the bucket
    endpoint: str
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def clean(self, text: str) -> str:
        """The text without any secret."""
        return _SIGNATURE.sub(r"\1=•••", without_secrets(text, self.secrets))


@contextmanager
def sentences(where: Where, act: Act, key: str) -> Iterator[None]:
    """The store's errors as errors of the tree; FileNotFoundError stays where it is the key.

    Raises:
        ConflictError: a condition did not hold.
        BatchError: a key that cannot be named.
    """
    from obstore import exceptions as told

    try:
        yield
    except (told.PreconditionError, told.AlreadyExistsError, told.NotModifiedError) as error:
        lease = next((c for c in _CODE.findall(str(error)) if c.startswith("Lease")), None)
        if lease:
            raise TransientError(
                f"{where.uri}/{key} is leased by somebody else ({lease}).",
                hint="wait until the lease ends, or break it",
            ) from None
        raise ConflictError(f"{where.uri}/{key}") from None
    except FileNotFoundError as error:
        if _bucket_is_missing(str(error)):
            raise refusal(where, act, key, str(error)) from None
        raise
    except told.InvalidPathError as error:
        raise BatchError(
            f"{where.uri} holds a key that cannot be named: {_fact(where, str(error))}",
            hint="rename the object, or name objects beside it by a narrower path",
        ) from None
    except told.BaseError as error:
        raise refusal(where, act, key, str(error)) from None


def refusal(where: Where, act: Act, key: str, text: str) -> ConnectorError:
    """What a failed request means."""
    system, place = where.system, f"{where.uri}/{key}" if key else where.uri
    status, code = (_first(p, text) for p in (_STATUS, _CODE))
    said = _fact(where, text)
    hint = next((h for word, h in system.hints.items() if word in (code or text)), None)
    if code in system.no_right or (status == _DENIED and not code):
        needed = f"it needs {system.rights[act]} on {where.uri}"
        fact = f"{system.name} does not let you {act} {place}: {said}"
        return RightMissingError(fact, hint=needed)
    if code in _SLOW_CODES or status in _LATER:
        return TransientError(f"{system.name} cannot {act} {place} now: {said}", hint=hint)
    if status or hint:
        return ConnectorError(f"{system.name} does not {act} {place}: {said}", hint=hint)
    return TransientError(
        f"{system.name} at {where.endpoint} cannot be reached: {said}",
        hint=f"check the connector's endpoint and the network; to {act} {place} was tried",
    )


def _bucket_is_missing(text: str) -> bool:
    return any(code in {"NoSuchBucket", "ContainerNotFound"} for code in _CODE.findall(text))


def _fact(where: Where, text: str) -> str:
    """The few words of an answer that say what happened."""
    code, message = (_first(p, text) for p in (_CODE, _MESSAGE))
    if code:
        return where.clean(f"{code}: {message}" if message else f"{code}.")
    head, _, debug = text.partition("\n\nDebug source")
    cause = next((found for p in _CAUSES if (found := _first(p, debug))), None)
    words = " ".join(head.split())
    words = re.sub(r"^Generic \w+ error: |Error performing .*? - ", "", words)
    words = words if len(words) <= _LONGEST else f"{words[:_LONGEST]} ..."
    return where.clean(f"{words.rstrip('.: ')}{f' ({cause})' if cause else ''}.")


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found.group(1) if found else None
