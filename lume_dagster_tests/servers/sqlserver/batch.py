"""Run the statements of a batch, one after the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from lume_dagster_tests.servers.sqlserver import bulk, tokens
from lume_dagster_tests.servers.sqlserver.engine import Rows
from lume_dagster_tests.servers.sqlserver.faults import SqlError, denied, from_duckdb
from lume_dagster_tests.servers.sqlserver.procedures import PROCEDURES
from lume_dagster_tests.servers.sqlserver.server import log
from lume_dagster_tests.servers.sqlserver.special import SPECIAL
from lume_dagster_tests.servers.sqlserver.translate import Statement, split, translate
from lume_dagster_tests.servers.sqlserver.types_out import columns_metadata, form_of, rows

if TYPE_CHECKING:
    from lume_dagster_tests.servers.sqlserver.session import Session

_CALL = re.compile(
    r"EXEC(?:UTE)?\s+(?:@(?P<into>\w+)\s*=\s*)?(?P<name>[\w.\[\]]+)\s*(?P<arguments>.*)",
    re.IGNORECASE | re.DOTALL,
)
_ARGUMENT = re.compile(
    r"@(?P<name>\w+)\s*=\s*(?:@(?P<variable>\w+)|N?'(?P<text>(?:[^']|'')*)'|(?P<number>-?\d+)|NULL)",
    re.IGNORECASE,
)
_DECLARE = re.compile(r"DECLARE\s+@(\w+)\s+\w+(?:\(\w+\))?", re.IGNORECASE)
_QUESTION_OF_BULK = re.compile(r"EXEC sp_tablecollations_100 N'(.+?)'", re.DOTALL)
_RIGHTS = {exp.Insert: "INSERT", exp.Update: "UPDATE", exp.Delete: "DELETE", exp.Merge: "UPDATE"}


class Batch:
    """A batch of statements and the variables they share."""

    def __init__(self, session: Session, text: str, *, in_procedure: bool = False) -> None:
        self.session = session
        self._text = text
        self._token = tokens.DONE_IN_PROC if in_procedure else tokens.DONE
        self._variables: dict[str, Any] = {}

    def run(self, variables: Mapping[str, Any]) -> Iterator[bytes]:
        """The tokens of the answer."""
        log(self.session.number, self._text[:2000], dict(variables))
        self._variables = dict(variables)
        asked = _QUESTION_OF_BULK.search(self._text)
        if asked:
            yield from self._answer_bulk(bulk.read_name(asked[1]))
            return
        statements = split(self._text)
        for number, text in enumerate(statements, 1):
            last = number == len(statements) and self._token == tokens.DONE
            yield from self._run(text, 0 if last else tokens.MORE)
        if not statements:
            yield tokens.done(token=self._token)

    def _run(self, text: str, more: int) -> Iterator[bytes]:
        for pattern, action in SPECIAL:
            match = pattern.fullmatch(text)
            if match:
                action(self.session, match)
                yield tokens.done(more, token=self._token)
                return
        if _DECLARE.fullmatch(text):
            yield tokens.done(more, token=self._token)
        elif called := _CALL.fullmatch(text):
            self._call(called)
            yield tokens.done(more, token=self._token)
        else:
            yield from self._execute(translate(text, self._session_values()), more)

    def _execute(self, statement: Statement, more: int) -> Iterator[bytes]:
        values = {n: v for n, v in self._variables.items() if n in statement.parameters}
        if not statement.writes:
            yield from self._rows(self.session.engine.query(statement, values), more)
            return
        self._refuse_without_right(statement)
        count = self.session.engine.change(statement, values)
        status = more | (tokens.COUNT if statement.counts else 0)
        yield tokens.done(status, count, token=self._token, command=tokens.INSERT)

    def _rows(self, found: Rows, more: int) -> Iterator[bytes]:
        schema = found.reader.schema
        forms = [form_of(f.type, d) for f, d in zip(schema, found.declared, strict=True)]
        yield columns_metadata(schema.names, forms)
        count = 0
        for batch in self._batches(found.reader):
            yield rows(batch, forms)
            count += batch.num_rows
        yield tokens.done(tokens.COUNT | more, count, token=self._token)

    def _batches(self, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        try:
            yield from reader
        except (pa.ArrowException, OSError) as error:  # Arrow takes DuckDB's for the system's
            raise from_duckdb(error) from error

    def _call(self, match: re.Match[str]) -> None:
        name = re.sub(r"[\[\]]", "", match["name"]).lower().rsplit(".", 1)[-1]
        procedure: Callable[..., int] | None = PROCEDURES.get(name)
        if procedure is None:
            raise SqlError(2812, f"Could not find stored procedure '{name}'.")
        arguments = {
            a["name"].lower(): self._value(a) for a in _ARGUMENT.finditer(match["arguments"])
        }
        answer = procedure(self.session, arguments)
        if match["into"]:
            self._variables[match["into"]] = answer

    def _value(self, argument: re.Match[str]) -> Any:
        if argument["variable"]:
            return self._variables[argument["variable"]]
        if argument["number"]:
            return int(argument["number"])
        return None if argument["text"] is None else argument["text"].replace("''", "'")

    def _answer_bulk(self, target: bulk.Load) -> Iterator[bytes]:
        """Three results: @@TRANCOUNT, the columns without a row, and no collation that differs."""
        engine = self.session.engine
        depth = pa.record_batch({"n": pa.array([engine.depth], pa.int32())})
        yield columns_metadata(["n"], [form_of(pa.int32())]) + rows(depth, [form_of(pa.int32())])
        yield tokens.done(tokens.COUNT | tokens.MORE, 1)
        empty = engine.query(translate(f"SELECT * FROM {_tsql(target)} WHERE 1 = 0", {}), {})
        yield from self._rows(empty, tokens.MORE)
        kinds = {"colid": pa.int32(), "name": pa.string(), "collation": pa.binary()}
        yield columns_metadata(list(kinds), [form_of(kind) for kind in kinds.values()])
        yield tokens.done(tokens.COUNT, 0)

    def _refuse_without_right(self, statement: Statement) -> None:
        if self.session.account.may_write:
            return
        database = self.session.engine.connection.execute("SELECT current_database()").fetchone()[0]
        for kind, right in _RIGHTS.items():
            if isinstance(statement.tree, kind):
                schema, table = next(iter(statement.tables))
                raise denied(right, table, database, schema)
        what = statement.tree.args.get("kind", "TABLE")
        raise SqlError(262, f"CREATE {what} permission denied in database '{database}'.", 14)

    def _session_values(self) -> dict[str, Any]:
        """What ``@@`` variables and functions of the session stand for."""
        session = self.session

        def has_right(*arguments: exp.Expr) -> int:
            read_only = arguments[-1].name.upper() in {"SELECT", "CONNECT", "VIEW DEFINITION"}
            return int(session.account.may_write or read_only)

        return {
            "@@TRANCOUNT": session.engine.depth,
            "@@SPID": session.number,
            "@@VERSION": "A stand-in for Microsoft SQL Server over DuckDB",
            "SUSER_SNAME": session.login.user,
            "HAS_PERMS_BY_NAME": has_right,
            "SESSIONS": session.server.who(),
        }


def _tsql(target: bulk.Load) -> str:
    return ".".join(f"[{part.replace(']', ']]')}]" for part in (target.schema, target.table))
