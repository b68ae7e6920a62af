"""What goes wrong, with the numbers and the sentences of SQL Server."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping


class SqlError(Exception):
    """An error that the client is told; ``severity`` 20 and more end the connection."""

    def __init__(self, number: int, message: str, severity: int = 16) -> None:
        self.number, self.message, self.severity = number, message, severity
        super().__init__(f"{number}: {message}")


def deadlock() -> SqlError:
    """DuckDB found two transactions in each other's way where SQL Server would let one wait."""
    return SqlError(
        1205,
        "Transaction was deadlocked on lock resources with another process and has been chosen "
        "as the deadlock victim. Rerun the transaction.",
        13,
    )


def lock_timeout() -> SqlError:
    """A lock that was not to be had in time."""
    return SqlError(1222, "Lock request time out period exceeded.")


def denied(right: str, what: str, database: str, schema: str) -> SqlError:
    """A right that the login does not have."""
    return SqlError(
        229,
        f"The {right} permission was denied on the object '{what}', database '{database}', "
        f"schema '{schema}'.",
        14,
    )


def _with(pattern: str, make: Callable[[re.Match[str]], SqlError]) -> Callable[[str], SqlError]:
    def found(text: str) -> SqlError:
        match = re.search(pattern, text)
        return make(match) if match else SqlError(50000, text)

    return found


#: By the words in DuckDB's message; the first that fits.
_KNOWN: Mapping[str, Callable[[str], SqlError]] = {
    "already exists": _with(
        r"name \"(.*?)\" already exists",
        lambda m: SqlError(2714, f"There is already an object named '{m[1]}' in the database."),
    ),
    "Table with name": _with(
        r"Table with name \"?(.*?)\"? does not exist",
        lambda m: SqlError(208, f"Invalid object name '{m[1]}'."),
    ),
    "Schema with name": _with(
        r"Schema with name (.*?) does not exist",
        lambda m: SqlError(
            2760,
            f'The specified schema name "{m[1]}" either does not exist or you do not have '
            "permission to use it.",
        ),
    ),
    "Referenced column": _with(
        r"Referenced column \"(.*?)\" ", lambda m: SqlError(207, f"Invalid column name '{m[1]}'.")
    ),
    "NOT NULL constraint": _with(
        r"NOT NULL constraint failed: (.*)\.(.*)",
        lambda m: SqlError(
            515,
            f"Cannot insert the value NULL into column '{m[2]}', table '{m[1]}'; column does not "
            "allow nulls. INSERT fails.",
        ),
    ),
    "CHECK constraint": _with(
        r"CHECK constraint failed on table \"?(.*?)\"? with.*?length\(\"?(.*?)\"?\)",
        lambda m: SqlError(
            2628,
            f"String or binary data would be truncated in table '{m[1]}', column '{m[2]}'. "
            "Truncated value: ''.",
        ),
    ),
    "divide by zero": lambda _: SqlError(8134, "Divide by zero error encountered."),
    "Could not convert string": _with(
        r"Could not convert string ['\"](.*?)['\"] to (\w+)",
        lambda m: SqlError(
            245, f"Conversion failed when converting the varchar value '{m[1]}' to {m[2].lower()}."
        ),
    ),
    "onflict": lambda _: deadlock(),
    "interrupt": lambda _: SqlError(3617, "The query was cancelled."),
}


def from_duckdb(error: Exception) -> SqlError:
    """What SQL Server would have said."""
    text = str(error)
    for words, make in _KNOWN.items():
        if words.casefold() in text.casefold():
            return make(text)
    return SqlError(102, f"Incorrect syntax, or not known to this stand-in: {text[:300]}")
