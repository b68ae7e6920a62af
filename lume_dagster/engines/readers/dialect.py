"""How a CSV file is written, and how one of its records is split into fields."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

EOL = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class Dialect:
    """Delimiter, quote and escape of a CSV file in UTF-8; with no quote, nothing is quoted.

    A quote opens a field only as its first character (spaces before it do not count); elsewhere
    it is text. A record ends at LF, CRLF or CR outside quotes. An empty unquoted field is NULL,
    a quoted one is empty text. Empty fields beyond the columns, as delimiters at the end of a
    line make, are none.
    """

    delimiter: str
    quote: str
    escape: str

    @cached_property
    def _inside(self) -> bytes:
        """What stands between the quotes of a quoted field."""
        escape, quote = re.escape(self.escape.encode()), re.escape(self.quote.encode())
        if self.escape == self.quote:
            return rb"[^%s]*+(?:%s%s[^%s]*+)*+" % (quote, quote, quote, quote)
        text = rb"[^%s%s]*+" % (escape, quote)
        return rb"%s(?:%s.%s)*+" % (text, escape, text)

    @cached_property
    def _field(self) -> bytes:
        plain = rb"(?:%s)*+" % _none_of(self.delimiter.encode())
        if not self.quote:
            return plain
        quote = re.escape(self.quote.encode())
        quoted = rb"\x20*+%s%s%s\x20*+" % (quote, self._inside, quote)
        return rb"(?:%s|(?!\x20*+%s)%s)" % (quoted, quote, plain)

    @cached_property
    def record(self) -> re.Pattern[bytes]:
        """Matches one whole record up to, not including, its line end or the end of the data."""
        delimiter = re.escape(self.delimiter.encode())
        return re.compile(
            rb"%s(?:%s%s)*+(?=[\r\n]|\Z)" % (self._field, delimiter, self._field), re.DOTALL
        )

    @cached_property
    def unfinished(self) -> re.Pattern[bytes]:
        """Matches a record that the end of the data cuts off in or after a quoted field."""
        delimiter, quote = re.escape(self.delimiter.encode()), re.escape(self.quote.encode())
        escape = b"" if self.escape == self.quote else re.escape(self.escape.encode()) + b"?"
        tail = rb"\x20*+%s%s%s%s?\x20*+[\r%s]{0,4}\Z" % (
            quote, self._inside, escape, quote, delimiter
        )  # fmt: skip
        return re.compile(rb"(?:%s%s)*%s" % (self._field, delimiter, tail), re.DOTALL)

    @cached_property
    def _split(self) -> re.Pattern[bytes]:
        delimiter = re.escape(self.delimiter.encode())
        return re.compile(rb"(%s)(%s|\Z)" % (self._field, delimiter), re.DOTALL)

    def fields(self, record: bytes) -> list[bytes | None]:
        """The values of one well-formed record; None where a field is empty and not quoted."""
        delimiter, quote = self.delimiter.encode(), self.quote.encode()
        if not quote or quote not in record:
            return [field or None for field in record.split(delimiter)]
        values: list[bytes | None] = []
        for match in self._split.finditer(record):
            values.append(self._value(match[1], quote))
            if not match[2]:
                break
        return values

    def _value(self, field: bytes, quote: bytes) -> bytes | None:
        stripped = field.strip(b" ")
        if not stripped.startswith(quote):
            return field or None
        inside = stripped[len(quote) : -len(quote)]
        if self.escape == self.quote:
            return inside.replace(quote + quote, quote)
        escape = re.escape(self.escape.encode())
        return re.sub(rb"%s(.)" % escape, rb"\1", inside, flags=re.DOTALL)


def _none_of(delimiter: bytes) -> bytes:
    """A pattern for one byte of an unquoted field."""
    if len(delimiter) == 1:
        return rb"[^%s\r\n]" % re.escape(delimiter)
    return rb"(?!%s)[^\r\n]" % re.escape(delimiter)


def width(values: list[bytes | None], columns: int) -> list[bytes | None]:
    """The values without the empty fields that delimiters at the end of a line make."""
    last = len(values)
    while last > columns and values[last - 1] is None:
        last -= 1
    return values[:last]
