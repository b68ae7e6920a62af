"""The queries of a plan, each one SELECT over the chain of computed columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from lume_dagster.plan.chain import ROW, Chain, batch_of_row
from lume_dagster.plan.fields import Test
from lume_dagster.plan.originals import with_original
from lume_dagster.plan.plan import RowTest, SourceColumn
from lume_dagster.plan.rejection import any_broken
from lume_dagster.plan.sql import (
    Sql,
    alias,
    call,
    cast,
    column,
    is_true,
    lambda_,
    not_,
    present,
    struct,
    text,
    when,
)

SAMPLES = 5  # rows shown for each test
DUPLICATES, REPEATED, BAD = "duplicates", "repeated", "bad"


@dataclass(frozen=True, slots=True)
class Queries:
    """Everything the queries are made of."""

    chain: Chain
    columns: Sequence[SourceColumn]
    values: tuple[tuple[str, Sql], ...]  # target field, its bound value
    tests: tuple[Test, ...]
    key: tuple[str, ...]

    def row_tests(self) -> tuple[RowTest, ...]:
        """The tests in order; the key's uniqueness is the last."""
        rows = tuple(t.row for t in self.tests)
        return (*rows, self._key_test()) if self.key else rows

    def _key_test(self) -> RowTest:
        named = ", ".join(self.key)
        return RowTest(
            "key:unique", "key", named, "DUPLICATE_KEY", "reject", "is the key of an earlier row"
        )

    def _good(self) -> Sql:
        """No reject test is broken; a condition that is NULL is not broken."""
        broken = any_broken(self.tests)
        return not_(is_true(broken)) if broken is not None else exp.true()

    def mapped(self) -> str:
        """Rows that break no reject test and repeat no key."""
        selected = [column(ROW), *(alias(value, name) for name, value in self.values)]
        query = exp.select(*selected).from_("chain").where(self._good())
        if self.key:
            query = query.join(DUPLICATES, using=[ROW], join_type="anti")
        return self.chain.query(query)

    def rejects(self) -> str:
        """The original row and every error of the rows in ``bad``."""
        errors = [
            when(is_true(t.broken), _error(t.row, t.value))
            for t in self.tests
            if t.row.severity != "warn"
        ]
        query = exp.select(exp.column(ROW, table="chain")).from_("chain")
        query = with_original(query, self.columns, BAD)
        if self.key:
            repeats = present(exp.column(ROW, table="d"))
            errors.append(when(repeats, _error(self._key_test(), self._key_text())))
            query = query.join(
                exp.to_table(DUPLICATES).as_("d"),
                on=exp.EQ(
                    this=exp.column(ROW, table="d"), expression=exp.column(ROW, table="chain")
                ),
                join_type="left",
            )
        kept = call("list_filter", exp.array(*errors), lambda_("e", present(column("e"))))
        return self.chain.query(query.select(alias(kept, "errors")), only=BAD)

    def side_tests(self) -> str | None:
        """For each warn test: how many rows break it, the first of them, and what they held.

        The batch comes last; with ``GROUP BY`` it after the query, there is a row for each batch.
        """
        warned = [t for t in self.tests if t.row.severity == "warn"]
        if not warned:
            return None
        query = exp.select().from_("chain")
        for i, test in enumerate(warned):
            broken = is_true(test.broken)
            for name, aggregate in (
                (f"n{i}", "count(*)"),
                (f"r{i}", f"min({ROW}, {SAMPLES})"),
            ):
                query = query.select(alias(_filtered(aggregate, broken), name))
            shown = call(
                "min_by", struct([("v", test.value)]), column(ROW), exp.Literal.number(SAMPLES)
            )
            filtered = exp.Filter(this=shown, expression=exp.Where(this=broken))
            query = query.select(alias(filtered, f"s{i}"))
        return self.chain.query(query.select(alias(call("any_value", batch_of_row()), "batch")))

    def repeated_keys(self) -> str | None:
        """Hashes of keys that several rows of a batch have; one there by chance does no harm."""
        if not self.key:
            return None
        hashed = self._key_hash()
        query = exp.select(alias(hashed, "h")).from_("chain").where(present(hashed))
        query = query.group_by(exp.Literal.number(1)).having(
            exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(1))
        )
        return self.chain.query(query)

    def duplicates(self) -> str | None:
        """Good rows whose key an earlier good row of the batch has."""
        if not self.key:
            return None
        order = exp.Window(
            this=exp.RowNumber(),
            partition_by=[batch_of_row(), *(value.copy() for _, value in self._key_values())],
            order=exp.Order(expressions=[exp.Ordered(this=column(ROW))]),
        )
        hashed = exp.In(this=self._key_hash(), query=exp.select("h").from_(REPEATED).subquery())
        inner = (
            exp.select(column(ROW), alias(order, "nth")).from_("chain").where(hashed, self._good())
        )
        counted = self.chain.query(inner)
        return f"SELECT {ROW} FROM ({counted}) WHERE nth > 1"

    def _key_values(self) -> list[tuple[str, Sql]]:
        return [(name, value) for name, value in self.values if name in self.key]

    def _key_hash(self) -> Sql:
        return call("hash", batch_of_row(), *(value for _, value in self._key_values()))

    def _key_text(self) -> Sql:
        parts = [cast(value, "VARCHAR") for _, value in self._key_values()]
        return parts[0] if len(parts) == 1 else call("concat_ws", text(", "), *parts)


def _error(test: RowTest, value: Sql) -> Sql:
    return struct(
        [
            ("field", text(test.field)),
            ("code", text(test.code)),
            ("message", text(test.message)),
            ("value", value),
        ]
    )


def _filtered(aggregate: str, condition: Sql) -> Sql:
    parsed: Sql = exp.maybe_parse(aggregate, dialect="duckdb")
    return exp.Filter(this=parsed, expression=exp.Where(this=condition.copy()))
