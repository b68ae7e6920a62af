"""A mapping in the words of results: one source record, what it became, or why it did not."""

from __future__ import annotations

from collections import abc
from dataclasses import dataclass
from typing import Any, Literal

Record = dict[str, Any]

SIZE = 50  # records of a page, when nobody says


@dataclass(frozen=True, slots=True)
class Mapping:
    """One source record, and what it became: one for each, in their order, from 0.

    ``message`` is ``"success"``, or an object with ``record_errors`` (by field, each with
    ``error_message`` and ``error_type``) and ``global_errors`` (``error_types``: what only the
    records together show, such as a key that comes twice). ``mapped_record`` is None then.
    """

    index: int
    source_record: Record
    mapped_record: Record | None
    message: Literal["success"] | Record

    @property
    def failed(self) -> bool:
        """Whether the record did not become the target schema."""
        return self.message != "success"


_UNIQUE = "DUPLICATE_KEY"
_CONVERSIONS = frozenset({"EXPRESSION_FAILED", "DIVISION_BY_ZERO"})
_OF_THE_SCHEMA = frozenset({"INVALID_FORMAT"})


def error_object(
    errors: abc.Sequence[abc.Mapping[str, Any]], index: int, key: tuple[str, ...]
) -> Record:
    """What is wrong with a record, by field; and what is wrong with it among the others."""
    own: Record = {}
    types: Record = {}
    for error in errors:
        if error["code"] == _UNIQUE:
            fault = {
                "error_message": error["message"],
                "error_indices": [index],
                "error_fields": list(key) or [error["field"]],
            }
            types.setdefault("Unique Error", []).append(fault)
        else:
            own.setdefault(error["field"] or "", _fault(error))
    return {"record_errors": own, "global_errors": {"error_types": types}}


def _fault(error: abc.Mapping[str, Any]) -> Record:
    return {
        "error_message": error["message"],
        "error_type": _type_of(error["code"]),
        "error_code": error["code"],
        "value": error["value"],
    }


def _type_of(code: str) -> str:
    converts = code.startswith("INVALID_") and code not in _OF_THE_SCHEMA
    return "Type Error" if converts or code in _CONVERSIONS else "Schema Error"
