"""What every verb shares: its options, how it speaks, and how it ends when something is wrong."""

from __future__ import annotations

import errno
import functools
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from shutil import get_terminal_size
from typing import Any, NoReturn

import click

from lume_dagster.errors import EngineError, LumeError

#: What a shell gives for a program ended by Ctrl+C.
INTERRUPTED = 130
#: The variable that names the project's folder.
PROJECT = "LUME_PROJECT"

_GAP = 3  # between two columns of a table on a screen

#: What hints name as Python has it, and as a person types it.
_TYPED = (
    (re.compile(r"\bforce_rerun(=True)?\b"), "--force-rerun"),
    (re.compile(r"\bsource_path=(?=['\"])"), "--batch "),
)


@dataclass(frozen=True, slots=True)
class Shell:
    """How a verb speaks: to a person in sentences and tables, to a script in one JSON document."""

    json: bool

    @property
    def is_watched(self) -> bool:
        """Whether a person sees the output, so that colour and movement help."""
        return not self.json and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"

    def answer(self, value: object, tell: Callable[[], None]) -> None:
        """``value`` as JSON for a script; for a person, what ``tell`` prints."""
        if self.json:
            click.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))
        else:
            tell()

    def fits(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bool:
        """Whether a table of these rows has room without a fold; in a file or a pipe, always."""
        if not self.is_watched:
            return True
        cells = [list(columns), *([text_of(value) for value in row] for row in rows)]
        widest = (max(map(len, column)) for column in zip(*cells, strict=True))
        return sum(widest) + _GAP * (len(columns) - 1) <= get_terminal_size().columns

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Rows under their headings; numbers to the right."""
        rows = list(rows)
        cells = [[text_of(value) for value in row] for row in rows]
        right = [
            bool(rows) and all(isinstance(row[at], int | float) for row in rows)
            for at in range(len(columns))
        ]
        if self.is_watched:
            _rich_table(columns, cells, right)
        else:
            _plain_table(columns, cells, right)


def text_of(value: object) -> str:
    """A figure of ours as a person reads it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}"
    return str(value)


def exactly(value: object) -> str:
    """A value out of somebody's data: every digit it has, and nothing added."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def in_the_shell(hint: str) -> str:
    """A hint of the client, with the option that a person types here."""
    for spelt, typed in _TYPED:
        hint = spelt.sub(typed, hint)
    return hint


def near(path: str | Path) -> str:
    """A path as a person standing here would say it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _rich_table(columns: Sequence[str], cells: list[list[str]], right: list[bool]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for name, is_right in zip(columns, right, strict=True):
        table.add_column(name, justify="right" if is_right else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def _plain_table(columns: Sequence[str], cells: list[list[str]], right: list[bool]) -> None:
    rows = [[cell.splitlines() or [""] for cell in row] for row in [list(columns), *cells]]
    widths = [max(len(line) for row in rows for line in row[at]) for at in range(len(columns))]
    for row in rows:
        for line in zip_longest(*row, fillvalue=""):
            padded = (
                text.rjust(width) if is_right else text.ljust(width)
                for text, width, is_right in zip(line, widths, right, strict=True)
            )
            click.echo("  ".join(padded).rstrip())


_PROJECT_OPTION = click.option(
    "--project",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder with definitions.py.  [default: found upward from here, or LUME_PROJECT]",
)
_COMMON = (
    click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document."),
    _PROJECT_OPTION,
    click.option("--debug", is_flag=True, help="Show the traceback of an error."),
)


class InOrder(click.Group):
    """A group that lists its verbs in the order a person meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs as they were added."""
        del ctx
        return list(self.commands)


class ListedByDefault(InOrder):
    """`lume rejects RUN` is `lume rejects list RUN`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the verb in where there is none."""
        first = args[0] if args else ""
        if first not in {*self.commands, *ctx.help_option_names}:
            args = ["list", *args]
        return super().parse_args(ctx, args)


def examples(*lines: str) -> str:
    """Commands as they are typed, for the end of a verb's help."""
    return "\n  ".join(["\b\nFor example:", *lines])


class Verb(click.Command):
    """A verb that answers a missing word with an example."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does it."""
        try:
            return super().parse_args(ctx, args)
        except click.MissingParameter as error:
            lines = [line.strip() for line in (self.epilog or "").splitlines()]
            example = next((f"For example: {x}" for x in lines if x.startswith("lume ")), "")
            raise click.MissingParameter(example, error.ctx, error.param) from None


def verb(
    *, name: str | None = None, epilog: str | None = None, of_project: bool = True
) -> Callable[..., click.Command]:
    """Make a function a command: it is handed a Shell, and its errors become sentences.

    ``of_project`` is False for what is done before there is a project: it takes no ``--project``.
    """

    def decorate(function: Callable[..., None]) -> click.Command:
        @functools.wraps(function)
        def guarded(
            *, as_json: bool, debug: bool, project: Path | None = None, **options: Any
        ) -> None:
            with _standing_in(project), _at_the_door(as_json=as_json, debug=debug):
                function(Shell(json=as_json), **options)

        command = click.command(name=name or function.__name__, epilog=epilog, cls=Verb)(guarded)
        for option in reversed(_COMMON):
            if of_project or option is not _PROJECT_OPTION:
                command = option(command)
        return command

    return decorate


@contextmanager
def _standing_in(project: Path | None) -> Iterator[None]:
    """Within the block, ``project`` is the project, for this process and those it starts."""
    before = os.environ.get(PROJECT)
    if project is not None:
        os.environ[PROJECT] = str(project.resolve())
    try:
        yield
    finally:
        os.environ.pop(PROJECT, None)
        if before is not None:
            os.environ[PROJECT] = before


@contextmanager
def _at_the_door(*, as_json: bool, debug: bool) -> Iterator[None]:
    """Whatever goes wrong inside ends as a sentence and an exit code."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except BrokenPipeError:  # the reader, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - this is the door: every error ends here
        _end(_of_the_machine(error) or error, as_json=as_json, debug=debug)


#: What the machine refuses, whoever asks: rights, room, a file where a folder is to be.
_REFUSALS = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE}
    | {errno.ENOTDIR, errno.EISDIR, errno.EEXIST}
)


def _of_the_machine(error: Exception) -> EngineError | None:
    """The sentence for a file that cannot be read or written; None for any other error."""
    if not isinstance(error, OSError) or error.errno not in _REFUSALS:
        return None
    told = EngineError(
        f"{error.filename or 'A file'}: {str(error.strerror).lower()}.",
        hint="free space there, let this user read and write it, or name another folder.",
    )
    return told.with_traceback(error.__traceback__)


def _end(error: Exception, *, as_json: bool, debug: bool) -> NoReturn:
    if debug:
        traceback.print_exception(error)
    message, hint = _words(error)
    if as_json:
        told: Mapping[str, object] = {
            "error": type(error).__name__,
            "message": message,
            "hint": hint,
        }
        click.echo(json.dumps(told, ensure_ascii=False), err=True)
    else:
        click.secho("Error: ", fg="red", bold=True, nl=False, err=True)
        click.echo(message, err=True)
        if hint:
            click.secho("Hint: ", bold=True, nl=False, err=True)
            click.echo(hint, err=True)
    sys.exit(error.exit_code if isinstance(error, LumeError) else 1)


def _words(error: Exception) -> tuple[str, str | None]:
    if isinstance(error, LumeError):
        return error.message, None if error.hint is None else in_the_shell(error.hint)
    return (
        f"lume itself failed: {type(error).__name__}: {error}",
        "run the same command with --debug and report what it shows",
    )
