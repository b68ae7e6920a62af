"""Proposals of a mapping, as a person reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from lume_dagster.cli.shell import Shell
from lume_dagster.errors import counted

if TYPE_CHECKING:
    from lume_dagster.mapper.proposal import Draft, Proposal, Shown

_WORDS = {"auto": "sure", "review": "look", "abstain": "none"}
#: What a person has said counts more than how sure the mapper is.
_DECIDED = {"FLAGGED": "flagged", "PROPOSED": "yours", "APPROVED": "approved"}
_COLOURS = {"auto": "green", "review": "yellow", "abstain": "red"}
_MOST_UNUSED = 20  # columns named; a script has all of them by --json
_LONGEST = 28


def tell_draft(shell: Shell, draft: Draft) -> None:
    """A line for each field, then what is left to do."""
    rows = [
        (
            proposal.path,
            ", ".join(proposal.sources),
            proposal.expression or "",
            f"{proposal.confidence:.0%}" if proposal.expression else "",
            _DECIDED.get(proposal.decision, _WORDS[proposal.verdict]),
            _first_row(proposal),
            proposal.reasons[0] if proposal.reasons else "",
        )
        for proposal in draft.proposals
    ]
    shell.table(("field", "from", "expression", "", "", "example", "why"), rows)
    click.echo(f"{', '.join(_summary(draft))}.")
    if draft.unused:
        left = len(draft.unused) - _MOST_UNUSED
        more = f" and {left} more" if left > 0 else ""
        click.echo(f"Not used: {', '.join(draft.unused[:_MOST_UNUSED])}{more}.")


def _summary(draft: Draft) -> Iterator[str]:
    """What a person has said of the fields, and of the others how many are sure."""
    decided = [_DECIDED.get(proposal.decision, "") for proposal in draft.proposals]
    pairs = zip(draft.proposals, decided, strict=True)
    verdicts = [proposal.verdict.value for proposal, said in pairs if not said]
    sure = verdicts.count("auto")
    yield f"{sure} of {counted(len(decided), 'field')} {'is' if sure == 1 else 'are'} sure"
    for said in _DECIDED.values():
        if number := decided.count(said):
            yield f"{number} {'is' if number == 1 else 'are'} {said}"
    if looks := verdicts.count("review"):
        yield counted(looks, "wants a look", "want a look")
    if none := verdicts.count("abstain"):
        yield f"for {none} nothing is proposed"


def tell_proposal(proposal: Proposal, about: str) -> None:
    """All that is known of one field."""
    click.secho(proposal.path, bold=True, nl=False)
    click.echo(f"  {about}" if about else "")
    if proposal.expression is None:
        click.secho("  nothing is proposed", fg=_COLOURS[proposal.verdict])
    else:
        click.echo(f"  {proposal.expression}", nl=False)
        sure = f"{proposal.confidence:.0%} {_WORDS[proposal.verdict]}"
        click.secho(f"    {sure}", fg=_COLOURS[proposal.verdict])
    for row in proposal.shown:
        click.secho(f"    {before_and_after(row)}", dim=True)
    for reason in proposal.reasons:
        click.echo(f"  - {reason}")
    for number, other in enumerate(proposal.alternatives, 1):
        click.echo(f"  {number}) {other.expression}  ({other.confidence:.0%})")


def before_and_after(row: Shown) -> str:
    """``'1.000,50' -> 1000.5``."""
    before = " | ".join("" if value is None else _short(value) for value in row.before.values())
    after = f"rejected, {row.error}" if row.error else _short(row.after or "nothing")
    return f"{before} -> {after}"


def _first_row(proposal: Proposal) -> str:
    """One that tells something: a row that changes, where there is one."""
    if not proposal.shown:
        return ""
    changed = (r for r in proposal.shown if r.after not in r.before.values() or r.error)
    return before_and_after(next(changed, proposal.shown[0]))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
