"""Stream a query from SQL Server as Arrow batches, reading only, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lume_dagster.connectors.sql.bound_query import bind_source_path
from lume_dagster.connectors.sqlserver.statement import DIALECT, EXACT
from lume_dagster.errors import FlowError

if TYPE_CHECKING:
    import pyarrow as pa
    from mssql_python import Cursor
    from sqlglot import exp

_FIRST_ROWS, _MOST_ROWS, _PIECE_BYTES = 64, 10_000, 4 << 20

#: Words that T-SQL reserves, so that no name can be one of them without brackets, and that change
#: something, leave the transaction, or run a text elsewhere.
_WRITES = frozenset(
    "ALTER BACKUP BEGIN BULK CHECKPOINT COMMIT CREATE DBCC DECLARE DELETE DENY DROP EXEC EXECUTE "
    "GRANT INSERT INTO KILL OPENDATASOURCE OPENQUERY OPENROWSET RAISERROR RECONFIGURE RESTORE "
    "REVERT REVOKE ROLLBACK SAVE SET SETUSER SHUTDOWN TRUNCATE UPDATE UPDATETEXT WAITFOR "
    "WRITETEXT".split()
)
_BEGINS = frozenset({"SELECT", "WITH", "("})
_JOINS = frozenset({"JOIN", "UNION"})  # MERGE JOIN and MERGE UNION are hints


#: The keys that are read back, as ``exactly`` compares them.
JSON_KEYS = f"SELECT CONCAT([value], N'|') COLLATE {EXACT} FROM OPENJSON(:source_path)"


def exactly(node: exp.Expr) -> exp.Expr:
    """Texts in any script, and names that are equal where all their characters are.

    The last character of what is compared is never a space, which ``=`` would ignore; and the
    collation is said, for that of a table which somebody else has made is another.
    """
    from sqlglot import exp

    if isinstance(node, exp.Literal) and node.is_string:
        return exp.National(this=node.this)
    if isinstance(node, exp.In):
        node.set("this", _ended(node.this))
    if isinstance(node, exp.EQ) and isinstance(node.expression, exp.Column):
        node.set("this", _ended(node.this))
        node.set("expression", _ended(node.expression))
    if isinstance(node, exp.Order):
        path, *rest = node.expressions
        exact = exp.Collate(this=path, expression=exp.Var(this=EXACT))
        length = exp.Anonymous(this="DATALENGTH", expressions=[path.copy()])
        node.set("expressions", [exact, length, *rest])
    return node


def _ended(text: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    ended = exp.Concat(expressions=[text, exp.Literal.string("|")])
    return exp.Collate(this=exp.paren(ended), expression=exp.Var(this=EXACT))


def bind(query: str) -> tuple[str, int]:
    """The query with ``?`` for every ``:source_path``, and how many there are.

    Raises:
        FlowError: it does more than read, or does not use ``:source_path``.
    """
    marked = bind_source_path(query, "?", DIALECT)
    _refuse_writes(query)
    return marked, _count(query)


def _count(query: str) -> int:
    """How often ``:source_path`` is a value: as often as a longer mark makes the query longer."""
    once, twice = (len(bind_source_path(query, mark, DIALECT)) for mark in ("?", "??"))
    return twice - once


def _refuse_writes(query: str) -> None:
    """Refuse what is not one SELECT. The transaction is rolled back in any case."""
    import sqlglot
    from sqlglot import TokenType

    quoted = {TokenType.IDENTIFIER, TokenType.STRING, TokenType.NATIONAL_STRING}
    tokens = sqlglot.tokenize(query, read=DIALECT)
    words = [t.text.upper() for t in tokens if t.token_type not in quoted]
    while words and words[-1] == ";":
        words.pop()
    if not words or words[0] not in _BEGINS:
        raise _refused(words[0] if words else "nothing")
    for word, after in zip(words, [*words[1:], ""], strict=True):
        merges = word == "MERGE" and after not in _JOINS
        if word in _WRITES or word == ";" or merges or (word, after) == ("NEXT", "VALUE"):
            raise _refused(word)


def _refused(word: str) -> FlowError:
    return FlowError(
        f"The source query holds {word} where only one SELECT may stand: a source only reads.",
        hint="write one SELECT (a name of that spelling goes into [brackets])",
    )


def pieces(cursor: Cursor) -> Iterator[pa.RecordBatch]:
    """The rows of the cursor, about four megabytes at a time."""
    wanted = _FIRST_ROWS
    while True:
        piece = cursor.arrow_batch(wanted)
        if piece.num_rows:
            yield piece
        if piece.num_rows < wanted:
            return
        row_bytes = max(1, piece.nbytes // piece.num_rows)
        wanted = max(1, min(_MOST_ROWS, _PIECE_BYTES // row_bytes))
