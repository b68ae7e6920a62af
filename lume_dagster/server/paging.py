"""Which page of many is asked for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

MOST = 500

#: A text of an address; nothing that moves a cursor, or that a database has no letter for.
Text = Annotated[str | None, Query(max_length=2_000, pattern=r"^[^\x00-\x1f\x7f]*$")]
PageNumber = Annotated[int, Query(ge=1, le=1_000_000, description="Counted from 1.")]
PageSize = Annotated[int, Query(ge=1, le=MOST, description="Items on a page.")]
USUAL = 50
