"""The options by which a verb is told where sample data lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from lume_dagster.cli.running import pair
from lume_dagster.errors import FlowError, InvalidRequestError

if TYPE_CHECKING:
    from lume_dagster.engines.batch import StagedBatch
    from lume_dagster.flows.model import SourceFormat
    from lume_dagster.orchestration.sampling import Whereabouts

_OPTIONS = (
    click.argument("sample", metavar="[SAMPLE]", required=False),
    click.option("--connector", help="SAMPLE is a batch of this connector, not a file here."),
    click.option("--query", help="For a database: a SELECT; :source_path in it is SAMPLE."),
    click.option(
        "--format",
        "formats",
        type=pair,
        metavar="KEY=VALUE",
        multiple=True,
        help="What source.format of a flow would say, such as sheet=Orders or skip_lines=3.",
    ),
)
_READ_AS_YAML = frozenset({"header", "skip_lines", "nulls", "columns", "sheet", "join"})
_BIND = ":source_path"
_ALL = "all"  # what a query that tells no batches apart is asked for


def sample_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """SAMPLE, --connector, --query and --format; hand them to ``whereabouts``."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def whereabouts(
    sample: str | None, connector: str | None, query: str | None, form: SourceFormat | None = None
) -> Whereabouts:
    """Where the data lie that the options name.

    Raises:
        InvalidRequestError: the options do not go together.
    """
    from lume_dagster.flows.model import Source
    from lume_dagster.orchestration.project import find_project, load_project
    from lume_dagster.orchestration.sampling import batch_of, files_here

    if query is not None and connector is None:
        raise InvalidRequestError("A query needs a database.", hint="name it with --connector.")
    if query is not None and form is not None:
        raise InvalidRequestError(
            "What a query gives has no format.", hint="leave one of them out."
        )
    if sample is None and (query is None or _BIND in query):
        raise InvalidRequestError("SAMPLE is missing.", hint="name a file here, or a batch.")
    if connector is None:
        return files_here(sample or "", form)
    if query is not None and _BIND not in query:
        query = f"SELECT * FROM ({query}) AS wanted WHERE {_BIND} = '{_ALL}'"
    source = Source(connector=connector, query=query)
    if form is not None:
        source = source.model_copy(update={"format": form})
    return batch_of(load_project(find_project()), source, sample or _ALL)


def format_of(given: Sequence[tuple[str, str]]) -> SourceFormat | None:
    """The ``--format`` options as a flow would say them; None where there are none.

    Raises:
        FlowError: a key or a value that no flow may have.
    """
    from pydantic import ValidationError

    from lume_dagster.flows.model import SourceFormat
    from lume_dagster.flows.shape import shape_problems

    value = {name: _value(name, text) for name, text in given}
    try:
        return SourceFormat.model_validate(value) if value else None
    except ValidationError as error:
        raise FlowError.of(shape_problems(error, SourceFormat, value)) from None


def _value(name: str, text: str) -> Any:
    from lume_dagster.flows.yaml_text import read_yaml

    if name not in _READ_AS_YAML:
        return text
    document = read_yaml(text.encode())
    return text if document.problems else document.value


def tell_oddities(staged: StagedBatch) -> None:
    """Say where the header seems to stand elsewhere, or where there was nothing but a header."""
    if staged.header_elsewhere is not None:
        uri, line = staged.header_elsewhere
        said = f"Line {line} of {uri.rsplit('/', 1)[-1]} reads like its header"
        click.echo(f"{said}; --format skip_lines={line - 1} takes it for that.", err=True)
    if staged.records:
        return
    click.echo("The sample has no rows: there are only the names of its columns.", err=True)
    sheet = staged.files[0].details.get("sheet") if staged.files else None
    if sheet is not None:
        click.echo(f"It is the sheet {sheet!r}; --format sheet=NAME takes another.", err=True)
