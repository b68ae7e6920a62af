"""What SQL Server and its driver say when they refuse, as errors of the tree with what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lume_dagster.errors import ConnectorError, TransientError


@dataclass(frozen=True, slots=True)
class _Known:
    """A refusal: its number, words that only it uses, what to do, and whether it passes."""

    number: int
    words: str
    hint: str | None = None
    later: bool = False


_RETRY = "the server is busy or moving; the run tries again"
_NETWORK = "check the connector's host and port, and the network between"
_RIGHTS = "ask the owner of the database for that right"

#: The first that fits. Statements run under SET LANGUAGE us_english, so their words are known.
_ALL = (
    _Known(1205, "was deadlocked on", "another transaction was in the way", later=True),
    _Known(
        1222,
        "Lock request time out period exceeded",
        "another transaction holds the table; raise lock_timeout_seconds or wait",
        later=True,
    ),
    _Known(3960, "Snapshot isolation transaction aborted", later=True),
    _Known(40197, "encountered an error processing your request", _RETRY, later=True),
    _Known(40501, "service is currently busy", _RETRY, later=True),
    _Known(40613, "is not currently available", _RETRY, later=True),
    _Known(49918, "Not enough resources to process request", _RETRY, later=True),
    _Known(49919, "Too many create or update operations in progress", _RETRY, later=True),
    _Known(49920, "Too many operations in progress", _RETRY, later=True),
    _Known(10928, "limit for the database is", _RETRY, later=True),
    _Known(10929, "the server is currently too busy", _RETRY, later=True),
    _Known(17809, "Could not connect because the maximum number", _RETRY, later=True),
    _Known(18401, "Server is in script upgrade mode", _RETRY, later=True),
    _Known(17142, "service has been paused", _RETRY, later=True),
    _Known(6005, "SHUTDOWN is in progress", _RETRY, later=True),
    _Known(596, "session is in the kill state", _RETRY, later=True),
    _Known(701, "insufficient system memory", _RETRY, later=True),
    _Known(18456, "Login failed", "check the connector's user, password and authentication"),
    _Known(
        4060, "Cannot open database", "check the connector's database, and that the user is in it"
    ),
    _Known(229, "permission was denied", _RIGHTS),
    _Known(262, "permission denied in database", _RIGHTS),
    _Known(
        515,
        "Cannot insert the value NULL",
        "the table says NOT NULL where the flow leaves the field empty",
    ),
    _Known(
        2601,
        "Cannot insert duplicate key row",
        "the table has a unique index that the batch breaks",
    ),
    _Known(
        2627,
        "Cannot insert duplicate key",
        "the table has a unique constraint that the batch breaks",
    ),
    _Known(547, "statement conflicted with", "the table has a constraint that the batch breaks"),
    _Known(2628, "data would be truncated", "make the column longer, or the field shorter"),
    _Known(8152, "data would be truncated", "make the column longer, or the field shorter"),
    _Known(
        245,
        "Conversion failed when converting",
        "give both sides one type: CAST(:source_path AS bigint)",
    ),
    _Known(
        8114, "Error converting data type", "give both sides one type: CAST(:source_path AS bigint)"
    ),
    _Known(208, "Invalid object name", "check the name, and that the user may see it"),
    _Known(9002, "transaction log for database", "free space in the log of the database"),
    _Known(1105, "Could not allocate space", "free space on the server"),
    _Known(
        0, "Query timeout expired", "raise statement_timeout_seconds, or make the query lighter"
    ),
    _Known(0, "Bulk copy operation timed out", "raise statement_timeout_seconds"),
    _Known(
        0,
        "certificate",
        "have the server use a certificate that this machine trusts, or set "
        "trust_server_certificate where the network is safe",
    ),
    _Known(0, "SSL Provider", "check the connector's encrypt"),
    _Known(11001, "0x2AF9", "no such host is known; check the connector's host"),
    _Known(11004, "0x2AFC", "no such host is known; check the connector's host"),
    _Known(
        10061, "0x2749", "nothing answers there; check the connector's host and port", later=True
    ),
    _Known(0, "Login timeout expired", _NETWORK, later=True),
    _Known(258, "Timeout error [258]", _NETWORK, later=True),
    _Known(10060, "0x274C", _NETWORK, later=True),
    _Known(10054, "0x2746", _NETWORK, later=True),
    _Known(10053, "0x2745", _NETWORK, later=True),
    _Known(104, "0x68", _NETWORK, later=True),
    _Known(32, "0x20", _NETWORK, later=True),
    _Known(233, "No process is on the other end of the pipe", _NETWORK, later=True),
)

#: What the driver says of a connection that is gone, whatever the language.
_GONE = (
    "Communication link failure",
    "Connection failure during transaction",
    "Connection is closed",
    "connection has been closed",
    "Connection is dead",
    "Connection reset",
    "Broken pipe",
    "connection was closed",
    "Connection closed",
    "Failed to receive token",
    "encountered during handshakes before login",
    "IO Error",
    "Connection Error",
)
_NUMBER = re.compile(
    r"Sql Error: (\d+): Class \d+: State \d+: (.*?)(?: on \S+ in .* at line \d+)?$", re.DOTALL
)
_PREFIXES = re.compile(r"^(?:\[[^\]]*\])+")


def said(error: Exception) -> str:
    """What was said, without where in the driver."""
    text = str(getattr(error, "ddbc_error", None) or error)
    numbered = _NUMBER.search(text)
    return " ".join((numbered[2] if numbered else _PREFIXES.sub("", text)).split())


def is_gone(error: Exception) -> bool:
    """Whether the connection is."""
    text = str(error)
    return any(words.lower() in text.lower() for words in _GONE)


def as_refusal(error: Exception, where: str, words: str) -> ConnectorError:
    """A server that lets nobody in; ``words`` are what was said, without secrets."""
    known = _known(error)
    kind = TransientError if is_gone(error) or (known and known.later) else ConnectorError
    hint = known.hint if known else None
    return kind(f"SQL Server at {where} cannot be reached: {words}", hint=hint)


def as_error(error: Exception, where: str, words: str) -> ConnectorError:
    """A server that does not do what it is asked to, or is gone."""
    known = _known(error)
    if is_gone(error):
        return TransientError(f"The connection to SQL Server at {where} broke: {words}")
    kind = TransientError if known and known.later else ConnectorError
    hint = known.hint if known else None
    return kind(f"SQL Server at {where} refused: {words}", hint=hint)


def _known(error: Any) -> _Known | None:
    text = str(error)
    numbered = _NUMBER.search(text)
    if numbered:
        number = int(numbered[1])
        return next((known for known in _ALL if known.number == number), None)
    return next((known for known in _ALL if known.words in text), None)
