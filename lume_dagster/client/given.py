"""What a caller hands to a run, looked at before anything is made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lume_dagster.errors import InvalidRequestError

#: As JSON, in plain ASCII: PostgreSQL, where Dagster may keep its tags, indexes 2,704 bytes.
MOST_METADATA = 2_500


def checked_metadata(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """``run_metadata`` as it is kept with the run, and given back.

    Raises:
        InvalidRequestError: it is no mapping, holds what JSON has no word for, or too much.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidRequestError(
            f"run_metadata is {_kind(given)}, not a mapping.",
            hint="write run_metadata={'triggered_by': 'cron'}.",
        )
    for name, value in given.items():
        try:
            json.dumps({str(name): value}, allow_nan=False)
        except (TypeError, ValueError):
            raise InvalidRequestError(
                f"run_metadata[{name!r}] is {_kind(value)}, which JSON has no word for.",
                hint="give text, numbers, true, false, None, lists and dicts of these.",
            ) from None
    told = {str(name): value for name, value in given.items()}
    taken = len(json.dumps(told))
    if taken > MOST_METADATA:
        raise InvalidRequestError(
            f"run_metadata takes {taken:,} characters as JSON; {MOST_METADATA:,} can be kept.",
            hint="keep what is large elsewhere, and say here where.",
        )
    return told


def require_one_batch(
    source_path: str | None, input_files: object | None, seed_files: Sequence[str | Path]
) -> None:
    """Refuse what names no batch, or two.

    Raises:
        InvalidRequestError: not just one of the first two, or seeds without files.
    """
    if (source_path is None) == (input_files is None):
        raise InvalidRequestError(
            "A run takes either a source_path or input_files.", hint="give exactly one of the two."
        )
    if seed_files and input_files is None:
        raise InvalidRequestError(
            "seed_files go with input_files only: the same source_path is the same batch.",
            hint="publish a version with the other seeds, or give input_files.",
        )


def checked_files(name: str, given: Sequence[str | Path]) -> Sequence[str | Path]:
    """A list of files; one alone would be taken for a list of its letters.

    Raises:
        InvalidRequestError: it is one path.
    """
    if isinstance(given, str | Path):
        raise InvalidRequestError(
            f"{name} is one path, not a list of them.", hint=f"write {name}=[{str(given)!r}]."
        )
    return given


def _kind(value: object) -> str:
    return f"of the type {type(value).__name__}"
