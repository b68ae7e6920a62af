"""A column's type as T-SQL declares it, and as ``sys.columns`` describes it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DECLARED = re.compile(r"\s*\[?(\w+)\]?\s*(?:\(\s*(\w+)\s*(?:,\s*(\d+)\s*)?\))?\s*", re.IGNORECASE)
_FLOAT_DIGITS = 24  # up to here a float is a real

#: name: id, bytes, precision, scale
_FIXED = {
    "bit": (104, 1, 1, 0),
    "tinyint": (48, 1, 3, 0),
    "smallint": (52, 2, 5, 0),
    "int": (56, 4, 10, 0),
    "bigint": (127, 8, 19, 0),
    "real": (59, 4, 24, 0),
    "float": (62, 8, 53, 0),
    "date": (40, 3, 10, 0),
    "datetime": (61, 8, 23, 3),
    "uniqueidentifier": (36, 16, 0, 0),
}
_SCALED = {"time": (41, 5), "datetime2": (42, 8), "datetimeoffset": (43, 10)}
_SIZED = {"nvarchar": 231, "varchar": 167, "varbinary": 165}
_DECIMALS = {"decimal": 106, "numeric": 106}

#: What ``sys.types`` lists.
TYPE_NAMES = {
    **{number: name for name, (number, *_) in _FIXED.items()},
    **{number: name for name, (number, _) in _SCALED.items()},
    **{number: name for name, number in _SIZED.items()},
    106: "decimal",
}


@dataclass(frozen=True)
class Declared:
    """A type: ``size`` in bytes, -1 for max."""

    name: str
    number: int
    size: int
    precision: int = 0
    scale: int = 0
    is_identity: bool = False

    @property
    def most_characters(self) -> int | None:
        """How many characters the column holds; None where that is not limited."""
        if self.name not in {"nvarchar", "varchar"} or self.size < 0:
            return None
        return self.size // (2 if self.name == "nvarchar" else 1)


def read_declared(text: str) -> Declared:
    """The type that ``text`` declares."""
    match = _DECLARED.fullmatch(text)
    name = match[1].lower() if match else text
    first, second = (match[2], match[3]) if match else (None, None)
    if name == "float" and first and int(first) <= _FLOAT_DIGITS:
        name = "real"
    name = {"integer": "int"}.get(name, name)
    if name in _FIXED:
        return Declared(name, *_FIXED[name])
    if name in _SCALED:
        scale = 7 if first is None else int(first)
        return Declared(name, *_SCALED[name], scale=scale)
    if name in _DECIMALS:
        return Declared("decimal", 106, 17, int(first or 18), int(second or 0))
    if name in _SIZED:
        unit = 2 if name == "nvarchar" else 1
        size = -1 if (first or "1").lower() == "max" else int(first or 1) * unit
        return Declared(name, _SIZED[name], size)
    raise ValueError(f"the type {text!r} is not known to this stand-in")
