"""Remote procedure calls: the prepared statements of drivers."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

from lume_dagster_tests.servers.sqlserver import tokens
from lume_dagster_tests.servers.sqlserver.batch import Batch
from lume_dagster_tests.servers.sqlserver.faults import SqlError
from lume_dagster_tests.servers.sqlserver.types_in import read_short_text, read_type

if TYPE_CHECKING:
    from lume_dagster_tests.servers.sqlserver.session import Session

_BY_NUMBER, _NEXT_CALL = 0xFFFF, 0xFF
_NUMBERS = {
    10: "sp_executesql",
    11: "sp_prepare",
    12: "sp_execute",
    13: "sp_prepexec",
    15: "sp_unprepare",
}
_DECLARED = re.compile(r"@(\w+)\s+(?:as\s+)?\w", re.IGNORECASE)

Values = Sequence[tuple[str, Any]]


class Calls:
    """The calls of a session, and what it has prepared."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._prepared: dict[int, tuple[str, str]] = {}
        self._numbers = count(1)

    def answer(self, body: bytes) -> Iterator[bytes]:
        """The answers to the calls of a message."""
        at = 0
        while at < len(body):
            name, values, at = _read(body, at)
            procedure = _PROCEDURES.get(name)
            if procedure is None:
                raise SqlError(2812, f"Could not find stored procedure '{name}'.")
            yield from procedure(self, values)
            more = tokens.MORE if at < len(body) else 0
            yield tokens.done(more, token=tokens.DONE_PROC)

    def _executesql(self, values: Values) -> Iterator[bytes]:
        declaration = values[1][1] if len(values) > 1 else ""
        yield from self._run(values[0][1], declaration, values[2:])
        yield tokens.returned()

    def _prepare(self, values: Values) -> Iterator[bytes]:
        number = self._remember(values)
        yield tokens.returned() + tokens.handle(number)

    def _prepexec(self, values: Values) -> Iterator[bytes]:
        number = self._remember(values)
        yield from self._run(values[2][1], values[1][1], values[3:])
        yield tokens.returned() + tokens.handle(number)

    def _execute(self, values: Values) -> Iterator[bytes]:
        declaration, text = self._prepared[values[0][1]]
        yield from self._run(text, declaration, values[1:])
        yield tokens.returned()

    def _unprepare(self, values: Values) -> Iterator[bytes]:
        self._prepared.pop(values[0][1], None)
        yield tokens.returned()

    def _remember(self, values: Values) -> int:
        number = next(self._numbers)
        self._prepared[number] = (values[1][1], values[2][1])
        return number

    def _run(self, text: str, declaration: str | None, values: Values) -> Iterator[bytes]:
        declared = _DECLARED.findall(declaration or "")
        named = {(name.lstrip("@") or declared[i]): value for i, (name, value) in enumerate(values)}
        return Batch(self._session, text, in_procedure=True).run(named)


def _read(body: bytes, at: int) -> tuple[str, Values, int]:
    """The name of the next procedure, its values in order, and where the one after it begins."""
    length, at = struct.unpack_from("<H", body, at)[0], at + 2
    if length == _BY_NUMBER:
        number = struct.unpack_from("<H", body, at)[0]
        name, at = _NUMBERS.get(number, str(number)), at + 2
    else:
        end = at + 2 * length
        name, at = body[at:end].decode("utf-16-le").lower().rsplit(".", 1)[-1], end
    at += 2  # options
    values = []
    while at < len(body) and body[at] != _NEXT_CALL:
        label, at = read_short_text(body, at)
        read, at = read_type(body, at + 1)
        value, at = read(body, at)
        values.append((label, value))
    return name, values, at + 1


_PROCEDURES = {
    "sp_executesql": Calls._executesql,
    "sp_prepare": Calls._prepare,
    "sp_prepexec": Calls._prepexec,
    "sp_execute": Calls._execute,
    "sp_unprepare": Calls._unprepare,
}
