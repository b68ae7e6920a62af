"""Every error the package raises, as one tree drawn by what the reader must do about it.

LumeError
├── FlowError                 mend the flow file
│   └── VersionChangedError   a published version is not what was published
├── PlanError                 the flow does not fit this batch (a missing column or type)
├── BatchError                the batch cannot be read (no such file, unreadable bytes)
├── BatchRefusedError         the batch was read and judged bad (too many rejects, a rule)
├── ConnectorError            the other system said no (password, rights, another shape)
│   └── TransientError        the same call may succeed later (a dropped connection, a lock timeout)
├── EngineError               the machine ran out (disk, memory) or the engine failed
├── MissingExtraError         an optional dependency is not installed
├── ApiError                  the request was wrong
│   ├── AuthenticationError   no valid credentials
│   ├── BusyError             as many runs are under way as may be; ask again later
│   └── InvalidRequestError   a bad source_path, what cannot be meant
│       ├── NotFoundError     no such flow, version or run
│       ├── NotNowError       a batch that is done or running, a run that goes on or has ended
│       └── OutdatedError     somebody else has deployed in the meantime
└── RunError                  what waiting for a run can end in
    ├── RunFailedError        the run ended FAILED or CRASHED; carries the run
    └── RunTimeoutError       also a TimeoutError; the run itself goes on

A message is a fact (what and where) followed by a hint (what to do). A hint ends without a full
stop: it often ends with what is to be copied. ``exit_code`` is what the ``lume`` command ends with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from lume_dagster.client import LumeRun


class LumeError(Exception):
    """Anything this package raises on purpose."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        """Say what is wrong and where; ``hint`` says what to do."""
        self.message = message
        self.hint = hint = _without_stop(hint)
        super().__init__(message if hint is None else f"{message}\nHint: {hint}")

    def also(self, hint: str) -> None:
        """Say one more thing to do."""
        self.hint = f"{self.hint}; {hint}" if self.hint else hint
        self.args = (f"{self.message}\nHint: {self.hint}",)


def _without_stop(hint: str | None) -> str | None:
    """The hint as all hints end; the dots of ``export NAME=...`` are no full stop."""
    if hint is None or hint.endswith("..."):
        return hint
    return hint.removesuffix(".")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend in a file, and where it is; lines and columns count from 1."""

    message: str
    hint: str | None = None
    path: tuple[str | int, ...] = ()
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def __post_init__(self) -> None:
        """A hint ends as all do."""
        object.__setattr__(self, "hint", _without_stop(self.hint))

    @property
    def field(self) -> str:
        """The path as people write it: ``checks[0].unique``; empty for the file as a whole."""
        parts = (f"[{p}]" if isinstance(p, int) else f".{p}" for p in self.path)
        return "".join(parts).removeprefix(".")

    @property
    def place(self) -> str:
        """``flow.yaml:12:3``, or as much of it as is known."""
        return ":".join(str(p) for p in (self.file, self.line, self.column) if p is not None)

    @property
    def fact(self) -> str:
        """What is wrong and where, without the hint."""
        return ": ".join(part for part in (self.place, self.field, self.message) if part)

    def __str__(self) -> str:
        return self.fact if self.hint is None else f"{self.fact}\nHint: {self.hint}"


class FlowError(LumeError):
    """The flow file must be mended; ``problems`` lists everything that is wrong with it."""

    exit_code = 3

    def __init__(
        self, message: str, *, hint: str | None = None, problems: Sequence[Problem] = ()
    ) -> None:
        """An error of one fact is its own only problem."""
        self.problems = tuple(problems) or (Problem(message, hint),)
        super().__init__(message, hint=hint)

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> Self:
        """All problems in one error: a single one speaks for itself, several make a list."""
        if len(problems) == 1:
            return cls(problems[0].fact, hint=problems[0].hint, problems=problems)
        listed = (f"- {p}".replace("\n", "\n  ") for p in problems)
        return cls("\n".join([f"{len(problems)} problems:", *listed]), problems=problems)


class VersionChangedError(FlowError):
    """A published version differs from what was published."""


class PlanError(LumeError):
    """The flow does not fit the columns of this batch."""

    exit_code = 4


class BatchError(LumeError):
    """The batch cannot be read."""

    exit_code = 5


class BatchRefusedError(LumeError):
    """The batch was read and judged bad; ``code`` says by what. Its rows stay readable."""

    exit_code = 9

    def __init__(self, message: str, *, code: str, hint: str | None = None) -> None:
        """``code`` is ALL_REJECTED, ERROR_RATE, RULE_FAILED, CHECK_FAILED or a check's name."""
        self.code = code
        super().__init__(message, hint=hint)


class ConnectorError(LumeError):
    """A system at the other end refused."""

    exit_code = 6


class TransientError(ConnectorError):
    """The same call may succeed later."""


class EngineError(LumeError):
    """The machine or the engine gave out."""

    exit_code = 7


class MissingExtraError(LumeError):
    """An optional dependency is not installed."""

    exit_code = 8

    @classmethod
    def for_extra(cls, what: str, extra: str) -> MissingExtraError:
        """``what`` needs the optional dependencies called ``extra``."""
        return cls(
            f"{what} needs packages that are not installed.",
            hint=f"pip install 'lume-dagster[{extra}]'",
        )


class ApiError(LumeError):
    """The request was wrong."""

    exit_code = 2


class AuthenticationError(ApiError):
    """No valid credentials were given."""


class BusyError(ApiError):
    """As many runs are under way as may be; the same request may succeed later."""


class InvalidRequestError(ApiError):
    """What was asked for does not exist or may not be done now."""


class NotFoundError(InvalidRequestError):
    """There is no such flow, version or run, or it has left nothing."""


class NotNowError(InvalidRequestError):
    """It may not be done now; ``run_id`` is the run that is in the way, where there is one."""

    def __init__(self, message: str, *, hint: str | None = None, run_id: str | None = None) -> None:
        """``run_id`` as people see it: ``run_...``."""
        self.run_id = run_id
        super().__init__(message, hint=hint)


class OutdatedError(InvalidRequestError):
    """The flow was changed by somebody else since the work on it began."""


class RunError(LumeError):
    """Waiting for a run ended without a result."""

    exit_code = 10

    def __init__(self, message: str, *, run: LumeRun, hint: str | None = None) -> None:
        """Carry the run, so that a caller can look at its status and metadata."""
        self.run = run
        super().__init__(message, hint=hint)


class RunFailedError(RunError):
    """The run ended FAILED or CRASHED."""


class RunTimeoutError(RunError, TimeoutError):
    """The run did not end in time; it goes on."""

    exit_code = 11


def counted(number: int, one: str, many: str | None = None) -> str:
    """``1 row``, ``2 rows``; with ``many``, ``1 row was`` or ``2 rows were``."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint naming the nearest known word, or those there are when none is near."""
    choices = sorted(known)
    near = get_close_matches(word, choices, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    shown = ", ".join(map(_shown, choices[:_MOST_SHOWN]))
    more = f" and {len(choices) - _MOST_SHOWN:,} more" if len(choices) > _MOST_SHOWN else ""
    return f"known: {shown}{more}" if choices else "none is defined"


_MOST_SHOWN = 30
_LONGEST_SHOWN = 80


def _shown(word: str) -> str:
    """A word as a screen can bear it: names may come out of somebody's file."""
    plain = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in word
    )
    return plain if len(plain) <= _LONGEST_SHOWN else f"{plain[:_LONGEST_SHOWN]}..."
