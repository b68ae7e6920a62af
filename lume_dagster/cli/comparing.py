"""`lume diff --on`: what two versions make of a batch, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from lume_dagster.cli.shell import Shell, text_of
from lume_dagster.cli.telling import reason
from lume_dagster.errors import counted

if TYPE_CHECKING:
    from lume_dagster.engines.comparison import RowChange
    from lume_dagster.orchestration.comparing import VersionComparison

_WIDEST = 40  # characters of a value in the table


def compare_on(before: str, after: str, source_path: str, rows: int | None) -> VersionComparison:
    """Map the batch with both versions of the project found here."""
    from lume_dagster.orchestration.comparing import compare_versions
    from lume_dagster.orchestration.project import find_project, load_project

    return compare_versions(load_project(find_project()), before, after, source_path, rows=rows)


def tell_comparison(shell: Shell, found: VersionComparison) -> None:
    """Counts side by side, then what changes, then the first rows that do."""
    sides = (found.before, found.after)
    codes = dict.fromkeys(code for side in sides for code in side.error_counts)
    click.echo(f"{found.source_path}, {counted(found.input_rows, 'row')}:")
    shell.table(
        ("", *(side.version for side in sides)),
        [
            ("mapped", *(side.mapped_rows for side in sides)),
            ("rejected", *(side.rejected_rows for side in sides)),
            *((f"  {code}", *(side.error_counts.get(code, 0) for side in sides)) for code in codes),
        ],
    )
    click.echo()
    for sentence in _sentences(found):
        click.echo(sentence)
    if found.examples:
        click.echo()
        shell.table(("row", *(s.version for s in sides)), map(_cells, found.examples))
        rest = found.changed_rows - len(found.examples)
        if rest > 0:
            click.echo(f"and {counted(rest, 'more row')}")


def _sentences(found: VersionComparison) -> Iterator[str]:
    rows = found.rows
    for names, what in ((found.new_fields, "new"), (found.gone_fields, "gone")):
        if names:
            yield f"{what} field{'' if len(names) == 1 else 's'}: {', '.join(names)}"
    if not found.changed_rows:
        yield "Every row comes out the same."
        return
    if rows.now_mapped:
        yield f"{counted(rows.now_mapped, 'row')} rejected before, mapped now"
    if rows.now_rejected:
        yield f"{counted(rows.now_rejected, 'row')} mapped before, rejected now"
    if rows.changed:
        fields = ", ".join(f"{name} {n:,}" for name, n in rows.fields.items())
        yield f"{counted(rows.changed, 'row')} mapped with other values: {fields}"
    yield f"{counted(rows.same, 'row')} mapped the same"


def _cells(change: RowChange) -> tuple[int, str, str]:
    return change.index + 1, _side(change.before, change), _side(change.after, change)


def _side(values: Mapping[str, Any] | None, change: RowChange) -> str:
    if values is None:
        return "\n".join(f"rejected: {reason(error)}" for error in change.errors)
    if change.before is None or change.after is None:
        return "mapped"
    return "\n".join(f"{name}: {_short(value)}" for name, value in values.items())


def _short(value: Any) -> str:
    text = "null" if value is None else text_of(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
