"""Which bucket and key a URI or a relative path names, below the root that a connector has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lume_dagster.connectors.batch_segment import is_text
from lume_dagster.errors import BatchError, ConnectorError


@dataclass(frozen=True, slots=True)
class Address:
    """A bucket, and a key, prefix or glob in it."""

    bucket: str
    key: str = ""


#: Reads a URI of a system; None where it is none of that system.
Parse = Callable[[str], Address | None]


def parse_root(text: str, parse: Parse, example: str) -> Address:
    """The bucket and prefix of a connector's root.

    Raises:
        ConnectorError: it is not a URI of this system.
    """
    found = parse(text)
    if found is None or not found.bucket or _flaw(found.key.rstrip("/")):
        raise ConnectorError(
            "The connector's root is not the URI of a place in this store.",
            hint=f"write it like {example}",
        )
    return Address(found.bucket, found.key.strip("/"))


def key_below(root: Address, source_path: str, parse: Parse, shown: str) -> str:
    """The key, prefix or glob that is meant, refused when it is not below the root.

    Raises:
        BatchError: it is outside, of another system, or cannot be a key.
    """
    key = _absolute(root, source_path, parse, shown)
    flaw = _flaw(key.removesuffix("/"))
    if flaw:
        raise BatchError(
            f"The source_path {source_path!r} {flaw}.",
            hint=f"name an object, a folder or a glob below {shown}",
        )
    return key


def _absolute(root: Address, source_path: str, parse: Parse, shown: str) -> str:
    if not source_path:
        raise BatchError("The source_path is empty.", hint=f"name something below {shown}")
    if "://" not in source_path:
        return "/".join(part for part in (root.key, source_path) if part)
    found = parse(source_path)
    if found is None:
        raise BatchError(
            f"{source_path.partition('?')[0]} is not a URI of this connector's store.",
            hint=f"write a path relative to {shown}, or a URI below it",
        )
    below = found.key == root.key or found.key.startswith(f"{root.key}/") or not root.key
    if found.bucket != root.bucket or not below:
        raise BatchError(
            f"{source_path.partition('?')[0]} is outside the connector's root {shown}.",
            hint="name a path below the root, or configure a connector with another root",
        )
    return found.key


def _flaw(key: str) -> str | None:
    """What keeps a text from being a key that every client can name."""
    parts = key.split("/") if key else []
    if ".." in parts or "." in parts:
        return "goes up with '..', or holds a '.' between slashes"
    if "" in parts:
        return "has an empty part: two slashes, or one at its beginning"
    if any(ord(char) < ord(" ") or char == "\x7f" for char in key):
        return "holds a control character"
    if not is_text(key):
        return "is no text: it holds bytes that are not UTF-8"
    return None
