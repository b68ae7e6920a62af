"""Which column of a sample each field of a target schema comes from, how surely, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lume_dagster.mapper.extra import needing_extra

if TYPE_CHECKING:
    from lume_dagster.flows.schema import TargetSchema
    from lume_dagster.mapper.knowledge import Knowledge
    from lume_dagster.mapper.match.core import FieldMatch
    from lume_dagster.mapper.sample import Sample

#: A column's name, its description, its values.
Described = tuple[str, str, Sequence[str | None]]


def match(
    sample: Sample, schema: TargetSchema, *, knowledge: Knowledge | None = None
) -> tuple[FieldMatch, ...]:
    """One match for each leaf of the schema, in its order; a list comes before what is in it.

    Args:
        sample: What the source looks like.
        schema: What it shall become.
        knowledge: Short forms, synonyms and remembered pairs, instead of those of the package:
            ``default_knowledge().remembering(pairs)`` adds to them.

    Raises:
        MissingExtraError: the packages of ``lume-dagster[mapper]`` are not there.
    """
    with needing_extra("Matching columns"):
        from lume_dagster.mapper.match.column import columns_of, fields_of
        from lume_dagster.mapper.match.core import default_maker, match_columns
    return match_columns(columns_of(sample), fields_of(schema), default_maker(knowledge))


def match_names(
    source: Sequence[Described], target: Sequence[Described], *, knowledge: Knowledge | None = None
) -> tuple[FieldMatch, ...]:
    """The same for columns of which name, description and values are known, on either side.

    Raises:
        MissingExtraError: the packages of ``lume-dagster[mapper]`` are not there.
    """
    with needing_extra("Matching columns"):
        from lume_dagster.mapper.match.column import Column
        from lume_dagster.mapper.match.core import default_maker, match_columns

    def described(columns: Sequence[Described]) -> list[Column]:
        return [
            Column(path=name, name=name, description=description, values=tuple(values))
            for name, description, values in columns
        ]

    return match_columns(described(source), described(target), default_maker(knowledge))
