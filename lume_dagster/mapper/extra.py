"""What the mapper needs beside the base install, and the sentence where it is not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lume_dagster.errors import MissingExtraError


@contextmanager
def needing_extra(what: str) -> Iterator[None]:
    """Around imports: a package that is missing becomes an error that says what to install.

    Raises:
        MissingExtraError: a package of ``lume-dagster[mapper]`` is not there.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("lume_dagster"):
            raise
        raise MissingExtraError.for_extra(what, "mapper") from error
