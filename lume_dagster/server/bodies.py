"""What a request carries in its body: JSON that is held to a size and a form."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from lume_dagster.errors import InvalidRequestError
from lume_dagster.server.problems import Refused, invalid

LARGEST = 1 << 20  # bytes of JSON
_DEEPEST = 100  # lists and objects within one another


class StartBody(BaseModel):
    """What to run, on what."""

    model_config = ConfigDict(extra="forbid", strict=True)

    flow_version: str = Field(description="`name:vN`, `name:active`, or `name` for the active one.")
    source_path: str | None = Field(
        None, description="The batch, by the name the flow's source connector knows it by."
    )
    input_files: list[str] | None = Field(
        None,
        description="In place of `source_path`: uploads (`upload:...`), or URIs of the flow's"
        " source connector, which together are a batch.",
    )
    seed_files: list[str] = Field(
        [],
        description="For `input_files`: uploads that replace the flow's seed files of their name.",
    )
    run_metadata: dict[str, Any] | None = Field(
        None, description="Values of yours, given back with the run."
    )
    force_rerun: StrictBool = Field(
        False, description="Run a batch that is done again; its rows in the target are replaced."
    )


async def read_body(request: Request, largest: int = LARGEST) -> bytes:
    """The whole body of a request.

    Raises:
        Refused: it is larger than it may be.
    """
    declared = request.headers.get("content-length")
    if declared is not None and int(declared) > largest:
        too_large(largest)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest:
            too_large(largest)
    return bytes(body)


def too_large(largest: int) -> NoReturn:
    """Refuse a body for its size."""
    error = InvalidRequestError(
        f"The body has more than the {largest:,} bytes that are taken here.",
        hint="what is large is uploaded first: POST /v1/uploads.",
    )
    raise Refused(413, error)


def parse_start(body: bytes) -> StartBody:
    """The wish for a run, as JSON says it.

    Raises:
        InvalidRequestError: it is no JSON, or says something else.
    """
    value = parse_json(body, "The body")
    try:
        return StartBody.model_validate(value)
    except ValidationError as error:
        raise invalid(error.errors()) from None


def parse_metadata(text: str | None) -> dict[str, Any]:
    """``run_metadata`` of a query.

    Raises:
        InvalidRequestError: it is no JSON object.
    """
    if text is None:
        return {}
    value = parse_json(text.encode("utf-8", "surrogatepass"), "run_metadata")
    if not isinstance(value, dict):
        raise InvalidRequestError(
            "run_metadata is no JSON object.", hint='write {"triggered_by": "cron"}.'
        )
    return value


def parse_json(body: bytes, what: str) -> Any:
    """JSON as its standard has it: no NaN, no half of a character, and of a depth one can read."""
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_number)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # half a surrogate pair is no text
    except RecursionError:
        _too_deep(what)
    except UnicodeError:
        raise InvalidRequestError(f"{what} is not text in UTF-8.") from None
    except ValueError as error:
        raise InvalidRequestError(
            f"{what} is no JSON: {_lower(str(error))}.", hint='such as {"flow_version": "..."}.'
        ) from None
    if _depth(value) > _DEEPEST:
        _too_deep(what)
    return value


def _too_deep(what: str) -> NoReturn:
    raise InvalidRequestError(
        f"{what} has more than {_DEEPEST} lists and objects within one another."
    )


def _depth(value: Any) -> int:
    """How many lists and objects are within one another."""
    level, depth = [value], 0
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [
            inner for one in level for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return depth


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"it says {word}")


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].rstrip(".")
