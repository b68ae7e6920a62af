"""Go through the proposals of a mapping in the terminal: approve, take another, edit, flag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

import click

from lume_dagster.cli.mapping_table import before_and_after, tell_proposal
from lume_dagster.mapper.lineage import lineage_of
from lume_dagster.mapper.nodes import complete, expressions, with_node
from lume_dagster.mapper.proposal import Decision, Proposal, Shown, Verdict
from lume_dagster.mapper.review import decide
from lume_dagster.mapper.sample import Sample, take_sample
from lume_dagster.mapper.trial import Trial, Tried
from lume_dagster.mapper.workshop.running import changed_flow

if TYPE_CHECKING:
    from lume_dagster.engines.batch import StagedBatch
    from lume_dagster.flows.model import Flow
    from lume_dagster.flows.schema import SchemaField
    from lume_dagster.mapper.workshop.generation import Generated
    from lume_dagster.mapper.workshop.place import Place

_SHOWN = 5
_ASK = "(a)pprove, number of another, (e)dit, (f)lag, (s)kip, (q)uit"


@dataclass
class Reviewing:
    """What a person decides while it is decided; nothing is kept before ``keep``."""

    place: Place
    flow: Flow
    proposals: tuple[Proposal, ...]
    decisions: dict[str, Decision] = field(default_factory=dict)

    @classmethod
    def of(cls, place: Place, made: Generated) -> Self:
        """What was generated, and nothing decided yet."""
        return cls(place, made.flow, made.draft.proposals)

    def accept_sure(self) -> None:
        """Approve every field that is sure."""
        for proposal in self.proposals:
            if proposal.verdict is Verdict.AUTO:
                self._decide(proposal.path, Decision.APPROVED)

    def go_through(self, staged: StagedBatch) -> None:
        """Ask about every field that is not sure; Ctrl+C and q end it and keep what was said."""
        settings = self.place.settings
        fields = {f.path: f for f in self.flow.target_schema.walk()}
        unsure = [p for p in self.proposals if p.verdict is not Verdict.AUTO]
        with Trial(settings, take_sample(settings, staged)) as trial:
            for number, proposal in enumerate(unsure, 1):
                click.echo(f"\n[{number} of {len(unsure)}] ", nl=False)
                about = fields[proposal.path]
                tell_proposal(proposal, _about(about))
                try:
                    if not self._asked(proposal, about, trial):
                        return
                except click.Abort:  # Ctrl+C, or nobody there
                    click.echo()
                    return

    def keep(self) -> None:
        """Write the decisions beside the draft."""
        if self.decisions:
            standing = expressions(self.flow.mapping, self.flow.target_schema)
            folder = self.place.flows / self.flow.flow
            decide(folder, self.decisions, standing, author=self.place.author)

    def _asked(self, proposal: Proposal, about: SchemaField, trial: Trial) -> bool:
        """Whether to go on."""
        while True:
            usual = "s" if proposal.expression is None else "a"
            said = click.prompt(_ASK, default=usual, prompt_suffix=": ").strip()
            if said == "q":
                return False
            if said == "s" or self._done(said, proposal, about, trial):
                return True

    def _done(self, said: str, proposal: Proposal, about: SchemaField, trial: Trial) -> bool:
        """Whether what was said makes sense and was done."""
        actions: dict[str, Callable[[], bool]] = {
            "a": lambda: self._approve(proposal),
            "f": lambda: self._decide(proposal.path, Decision.FLAGGED),
            "e": lambda: self._edit(proposal, about, trial),
        }
        if said in actions:
            return actions[said]()
        if said.isdecimal() and 1 <= int(said) <= len(proposal.alternatives):
            taken = proposal.alternatives[int(said) - 1].expression
            _show(taken, proposal, _tried(taken, proposal, about, trial), trial)
            self._map(proposal.path, taken)
            return self._decide(proposal.path, Decision.APPROVED)
        numbers = ", or a number above" if proposal.alternatives else ""
        click.echo(f"{said!r} is none of them: a letter in brackets{numbers}.")
        return False

    def _approve(self, proposal: Proposal) -> bool:
        if proposal.expression is None:
            click.echo("There is nothing to approve; edit it, or skip it.")
            return False
        return self._decide(proposal.path, Decision.APPROVED)

    def _edit(self, proposal: Proposal, about: SchemaField, trial: Trial) -> bool:
        """Take a person's expression once it has run on the sample."""
        given = click.prompt("expression", default=proposal.expression or "").strip()
        if not given:
            return False
        tried = _tried(given, proposal, about, trial)
        if tried.refused is not None:
            click.echo(tried.refused)
            return False
        _show(given, proposal, tried, trial)
        if not click.confirm("Take it?", default=True):
            return False
        self._map(proposal.path, given)
        return self._decide(proposal.path, Decision.PROPOSED)

    def _decide(self, path: str, decision: Decision) -> bool:
        self.decisions[path] = decision
        self._change(path, decision=decision)
        return True

    def _map(self, path: str, expression: str) -> None:
        schema = self.flow.target_schema
        mapping = with_node(self.flow.mapping, schema, path, expression)
        self.flow = changed_flow(self.flow, mapping=complete(mapping, schema))
        sources = lineage_of(expression, path).sources
        said = ("Somebody said so here.",)
        self._change(
            path, expression=expression, sources=sources, shown=(), confidence=1.0, reasons=said
        )

    def _change(self, path: str, **changes: Any) -> None:
        """The proposal as it stands after a person's word."""
        self.proposals = tuple(
            replace(p, **changes) if p.path == path else p for p in self.proposals
        )


def _tried(given: str, proposal: Proposal, about: SchemaField, trial: Trial) -> Tried:
    within = next((s for s in proposal.sources if "[]" in s), "")
    return trial.one(about, given, within)


def _show(given: str, proposal: Proposal, tried: Tried, trial: Trial) -> None:
    for line in _lines(given, proposal.path, tried, trial.sample):
        click.secho(f"    {line}", dim=True)


def _lines(given: str, path: str, tried: Tried, sample: Sample) -> list[str]:
    """What an expression makes of the first rows that differ; of a list's items without them."""
    sources = [column for column in lineage_of(given, path).sources if "[]" not in column]
    known = {column.path: column.values for column in sample.columns}
    before = {s: known[s] for s in sources if len(known.get(s, ())) == len(tried.values)}
    made = zip(tried.values, tried.errors, strict=True)
    rows = (
        Shown({source: values[row] for source, values in before.items()}, value, error)
        for row, (value, error) in enumerate(made)
    )
    return list(islice(dict.fromkeys(map(before_and_after, rows)), _SHOWN))


def _about(field_: SchemaField) -> str:
    """``number, required: invoice total``."""
    kind = field_.format or field_.type
    needed = ", required" if field_.required else ""
    return f"{kind}{needed}{f': {field_.description}' if field_.description else ''}"
