"""The options by which a verb is told where sample data lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from lume_dagster.errors import InvalidRequestError

if TYPE_CHECKING:
    from lume_dagster.orchestration.sampling import Whereabouts

_OPTIONS = (
    click.argument("sample", metavar="[SAMPLE]", required=False),
    click.option("--connector", help="SAMPLE is a batch of this connector, not a file here."),
    click.option("--query", help="For a database: a SELECT; :source_path in it is SAMPLE."),
)
_BIND = ":source_path"
_ALL = "all"  # what a query that tells no batches apart is asked for


def sample_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """SAMPLE, --connector and --query; hand them to ``whereabouts``."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def whereabouts(sample: str | None, connector: str | None, query: str | None) -> Whereabouts:
    """Where the data lie that the options name.

    Raises:
        InvalidRequestError: the options do not go together.
    """
    from lume_dagster.flows.model import Source
    from lume_dagster.orchestration.project import find_project, load_project
    from lume_dagster.orchestration.sampling import batch_of, files_here

    if query is not None and connector is None:
        raise InvalidRequestError("A query needs a database.", hint="name it with --connector.")
    if sample is None and (query is None or _BIND in query):
        raise InvalidRequestError("SAMPLE is missing.", hint="name a file here, or a batch.")
    if connector is None:
        return files_here(sample or "")
    if query is not None and _BIND not in query:
        query = f"SELECT * FROM ({query}) AS wanted WHERE {_BIND} = '{_ALL}'"
    source = Source(connector=connector, query=query)
    return batch_of(load_project(find_project()), source, sample or _ALL)
