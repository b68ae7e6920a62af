"""The one condition that rejects a row: every reject test, but nothing said twice.

A reject lists its reasons test by test. Whether a row is rejected at all is asked of every row of a
batch, and much shorter: a required value that is absent rejects the row whatever the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlglot import exp

from lume_dagster.plan.chain import not_found_with
from lume_dagster.plan.fields import Test
from lume_dagster.plan.sql import Sql, any_of


def any_broken(tests: Iterable[Test]) -> Sql | None:
    """TRUE just where a test that is not of severity ``warn`` is broken; None where there is none.

    ``IS TRUE`` of it is what is equal: an excuse that is NULL is none.
    """
    rejecting = [t for t in tests if t.row.severity != "warn"]
    reasons = {id(cause) for test in rejecting for cause in test.causes}
    conditions = [_shortest(test, reasons) for test in rejecting]
    absent = {name for c in conditions if (name := _absent(c)) is not None}
    absent |= {key for name in absent if (key := not_found_with(name)) is not None}
    kept = [c for c in conditions if _absent(c) is not None or not _implies(c, absent)]
    return any_of(kept) if kept else None


def _shortest(test: Test, reasons: set[int]) -> Sql:
    """A test without its excuses, where each of them rejects the row as well."""
    if test.bare is not None and all(id(excuse) in reasons for excuse in test.excuses):
        return test.bare
    return test.broken


def _absent(condition: Sql) -> str | None:
    """The column of which the condition says that it is NULL, and nothing more."""
    bare = condition.unnest()
    if isinstance(bare, exp.Is) and isinstance(bare.expression, exp.Null):
        value = bare.this.unnest()
        return value.name if isinstance(value, exp.Column) else None
    return None


def _implies(condition: Sql, absent: set[str]) -> bool:
    """Whether it can be true only where one of the columns is NULL."""
    bare = condition.unnest()
    if isinstance(bare, exp.And):
        return any(_implies(part, absent) for part in _parts(bare))
    if isinstance(bare, exp.Or):
        return all(_implies(part, absent) for part in _parts(bare))
    return _absent(bare) in absent


def _parts(connector: exp.Connector) -> Sequence[Sql]:
    return list(connector.flatten())
