"""Write the pages of docs/ that are made from the code: `make docs`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from lume_dagster import errors
from lume_dagster.cli import lume
from lume_dagster.flows.reference import flow_reference
from lume_dagster.plan.codes import CODES
from lume_dagster.plan.functions import FUNCTIONS, HELPERS

HERE = Path(__file__).parent
MADE = "<!-- Made from the code by `make docs`; edit the code. -->\n"


def cli_page() -> str:
    """Every verb with its arguments and options."""
    return "\n".join(
        [
            "# The shell",
            MADE,
            "Every verb answers a person in sentences and tables, and with `--json` a script in one",
            "JSON document. An error is a sentence and a hint, and the exit code says of which kind:",
            "[error classes](errors.md#error-classes). `--project DIR` (or `LUME_PROJECT`) names the",
            "folder with `definitions.py`; else the nearest one upward from the working folder counts.",
            "",
            *_sections(lume, "lume"),
        ]
    )


def _sections(group: click.Group, prefix: str) -> Iterator[str]:
    for name, command in group.commands.items():
        yield from _section(command, f"{prefix} {name}")
        if isinstance(command, click.Group):
            yield from _sections(command, f"{prefix} {name}")


def _section(command: click.Command, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=path, terminal_width=78)  # on any terminal
    yield f"## {path}\n"
    yield f"```text\n{command.get_usage(context).removeprefix('Usage: ')}\n```\n"
    yield inspect.cleandoc(command.help or "").replace("\b\n", "") + "\n"
    options = [p.get_help_record(context) for p in command.params if isinstance(p, click.Option)]
    rows = [record for record in options if record]
    if rows:
        yield "| option | |\n|---|---|"
        yield from (f"| `{name}` | {' '.join(text.split())} |" for name, text in rows)
        yield ""
    if command.epilog:
        yield "```text\n" + command.epilog.removeprefix("\b\n") + "\n```\n"


def errors_page() -> str:
    """Every code a reject can carry and every error class, each with cause and remedy."""
    return "\n".join(
        [
            "# Error codes and error classes",
            MADE,
            "A bad row is not an exception: it becomes a reject with every reason, each with a code.",
            "",
            "## Reject codes",
            "",
            "| code | meaning | usual cause | remedy |",
            "|---|---|---|---|",
            *(f"| `{c.name}` | {c.meaning} | {c.cause} | {c.remedy} |" for c in CODES.values()),
            "",
            "## Error classes",
            "",
            "What is wrong with a flow, a batch or a system is an exception: a fact and a hint. The",
            "`lume` command prints both and ends with the exit code.",
            "",
            "```text",
            _tree(),
            "```",
            "",
            "| class | exit code | what it says |",
            "|---|---|---|",
            *_classes(),
            "",
        ]
    )


def _tree() -> str:
    lines = inspect.cleandoc(errors.__doc__ or "").splitlines()
    start = lines.index("LumeError")
    return "\n".join(lines[start : lines.index("", start)])


def _classes() -> Iterator[str]:
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, errors.LumeError):
            says = " ".join(inspect.cleandoc(value.__doc__ or "").split())
            yield f"| `{name}` | {value.exit_code} | {says} |"


_EXPRESSIONS = """\
A target field is mapped by one SQL scalar expression in DuckDB's grammar, a rule is one that is true
or false. They are parsed, held to the lists on this page, checked against the columns of the batch,
and built anew as SQL: nothing that was typed is pasted. Subqueries, aggregates, windows, files,
settings, the clock and chance cannot be reached: the same version and batch give the same rows.
At most 20,000 characters, 30 brackets and `CASE` within one another, and 200 operators in a row.

## Names

| name | what it is |
|---|---|
| `carrier`, `"Invoice No"` | a source column; case counts only where two columns differ by nothing else |
| `source.x` | the same, where a column is itself called `target` or `source` |
| `target.quantity` | the typed value of another target field; fields may not need each other in a circle |
| `address.city` | a value inside a JSON object or struct; a number with decimals in JSON is a double there |
| `line.sku` | inside `{each: lines, as: line, item: {...}}`: a value of the item |
| `item.qty` | the same inside `sum_of(lines, item.qty)` and its kin, where an item is always `item` |

## What fails, fails for its row

`CAST(x AS type)` and `x::type` are strict: a text becomes a value only when it is written as one
(`1.5` is no integer, `2024-1-5` no date), and what was there before and is gone after is an error of
that field. So are `strptime`, the helpers, `lookup`, division by zero, and whatever overflows. A
branch of `CASE`, `if` or `coalesce` that a row does not reach cannot fail for it. `TRY_CAST`,
`try_strptime` and `try_lookup` forgive: they give NULL. The codes are in [errors.md](errors.md).

The field's type in the schema converts the expression's value once more, without loss: a text to the
type by the same strict rules, a number only if it stays equal, a time stamp to a date only at midnight.
A `number` is a double: of a text or decimal with more than 15 digits it is the nearest, and a whole
number (typed, no text) that it cannot hold is an error; where more digits count, write a decimal
(`multipleOf: 0.01`) or a string. A double becomes a decimal if it is one but for the noise of binary
fractions (`0.1 + 0.2`). Of seconds, six decimals are kept.

Beside a number, a date or a truth value a text is converted before it is compared (`x = 1`, `x IN (1, 2)`,
`CASE x WHEN 1`), and one that is none is an error of the row; two texts are compared as texts.

A rule breaks a row where it is FALSE, not where it is NULL.

## Operators

`+ - * / // % ||`, `= <> < <= > >=`, `AND OR NOT`, `IS [NOT] NULL`, `IS [NOT] DISTINCT FROM`,
`BETWEEN`, `IN (...)`, `LIKE`, `ILIKE`, `SIMILAR TO`, `CASE`, `INTERVAL`, `[a, b]`, `x[1]`. Places count
from 1, from the end with -1: `x[1]` is the first item of a list (NULL where there is none), the first
letter of a text. Of a JSON value each row tells which of the two it is, for `len(x)` too.
"""


def expressions_page() -> str:
    """What an expression may say."""
    return "\n".join(
        [
            "# Mapping expressions",
            MADE,
            _EXPRESSIONS,
            "## Helpers for messy data",
            "",
            "| helper | what it gives |",
            "|---|---|",
            *(f"| `{usage.split('): ', 1)[0]})` | {_cell(usage)} |" for usage in HELPERS.values()),
            "",
            "## Functions",
            "",
            "DuckDB's own, pure ones only; each with an example that the tests run.",
            "",
            "| function | example |",
            "|---|---|",
            *(f"| `{name}` | `{example}` |" for name, example in FUNCTIONS.items()),
            "",
        ]
    )


def _cell(usage: str) -> str:
    return usage.split("): ", 1)[1].replace("|", "\\|")


def flow_reference_page() -> str:
    """Every key of a flow file and its lock file, and how versions resolve."""
    return f"# The flow file\n{MADE}\n{flow_reference()}"


PAGES = {
    "cli.md": cli_page,
    "errors.md": errors_page,
    "expressions.md": expressions_page,
    "flow-reference.md": flow_reference_page,
}


def main() -> None:
    """Write each page beside this file."""
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
