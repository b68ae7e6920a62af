"""Generate the mapping of a whole schema from a sample: match, convert, try, and say how sure.

Every expression was run on the sample by the engine that will run it on batches. What a person
has decided is kept, and what is not sure enough is left to one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lume_dagster.flows.schema import TargetSchema
from lume_dagster.mapper.extra import needing_extra
from lume_dagster.mapper.proposal import Beside, Draft
from lume_dagster.mapper.review import Remembered
from lume_dagster.mapper.sample import Sample

if TYPE_CHECKING:
    from lume_dagster.engines.settings import EngineSettings
    from lume_dagster.mapper.knowledge import Knowledge
    from lume_dagster.mapper.model.values import Proposer


@dataclass(frozen=True)
class Generator:
    """Generates mappings; the same generator gives the same draft for the same input.

    Attributes:
        settings: Of the engine that tries expressions.
        country: Where phone numbers without a country code are from (``DE``).
        knowledge: Short forms and synonyms in place of the package's.
        proposer: Somebody who is asked about the fields that are not sure; a language model. What
            it says is tried like everything else, and never taken without a look on its word alone.
    """

    settings: EngineSettings
    country: str | None = None
    knowledge: Knowledge | None = None
    proposer: Proposer | None = None

    def __call__(
        self,
        sample: Sample,
        schema: TargetSchema,
        *,
        pinned: Mapping[str, Any] | None = None,
        memory: Sequence[Remembered] = (),
        beside: Beside | None = None,
    ) -> Draft:
        """Propose the mapping.

        Args:
            sample: of the source data.
            schema: the target.
            pinned: paths of fields to the expressions they keep; inside lists these speak of
                ``item``.
            memory: what people have decided of the same fields in other flows.
            beside: what else of the flow counts: its seeds, and texts that mean no value.

        Raises:
            MissingExtraError: the packages of ``lume-dagster[mapper]`` are not there.
            ConnectorError: the proposer cannot be reached, or refused.
        """
        with needing_extra("Generating a mapping"):
            from lume_dagster.mapper.generate.making import Given, make_draft
        return make_draft(self, sample, schema, Given(pinned or {}, memory, beside or Beside()))
