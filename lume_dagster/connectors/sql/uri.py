"""Take the URI of a database apart, and refuse one that its readers would read differently."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit


def split_uri(uri: str, schemes: Collection[str], port: int) -> tuple[SplitResult, int] | None:
    """The parts of a URI and its port, ``port`` where it names none; None: it is not one of them.

    A password with a ``#``, ``/`` or ``?`` that is not percent-encoded moves the borders of the
    parts: a piece of it would be taken for the host, connected to, and shown.
    """
    try:
        parts = urlsplit(uri)
        port = port if parts.port is None else parts.port
    except ValueError:
        return None
    plain = "@" not in parts.path + parts.query and "#" not in uri and " " not in uri
    return (parts, port) if plain and port and parts.scheme in schemes else None
