"""Turn ``:source_path`` in a flow's query into the placeholder of a system, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from lume_dagster.connectors.batch_segment import is_text
from lume_dagster.errors import BatchError, FlowError

if TYPE_CHECKING:
    from sqlglot import Token

NAME = "source_path"


def bind_source_path(query: str, placeholder: str, dialect: str) -> str:
    """The query with ``placeholder`` for every ``:source_path`` outside quotes and comments.

    Raises:
        FlowError: the query cannot be read, or does not use ``:source_path``.
    """
    tokens = _tokens(query, dialect)
    spots = list(_spots(tokens))
    if not spots:
        raise FlowError(
            "The source query does not use :source_path, so every batch would be the same rows.",
            hint="compare it with a column: WHERE batch_id = :source_path "
            "(inside quotes or a comment it is text, not a value)",
        )
    parts, start = [], 0
    for begin, end in spots:
        parts += [query[start:begin], placeholder]
        start = end
    return "".join([*parts, query[start : _end(query, tokens)]])


def as_text(source_path: str) -> str:
    """The name of a batch as a value that can be sent.

    Raises:
        BatchError: it is no text.
    """
    if not is_text(source_path):
        raise BatchError(
            f"The source_path {source_path!r} is no text: it holds bytes that are not UTF-8.",
            hint="name the batch as the database does",
        )
    return source_path


def times_bound(query: str, dialect: str) -> int:
    """How often ``:source_path`` stands in a query: what a placeholder without a name asks for."""
    return sum(1 for _ in _spots(_tokens(query, dialect)))


def _tokens(query: str, dialect: str) -> list[Token]:
    from sqlglot.dialects import Dialect
    from sqlglot.errors import TokenError

    try:
        tokens: list[Token] = Dialect.get_or_raise(dialect).tokenize(query)
    except TokenError as error:
        raise FlowError(
            f"The source query cannot be read: {error}", hint="check its quotes and comments"
        ) from error
    return tokens


def _end(query: str, tokens: Sequence[Token]) -> int:
    """Where the statement ends: before semicolons that nothing but comments follows."""
    from sqlglot import TokenType

    end = len(query.rstrip())
    for token in reversed(tokens):
        if token.token_type != TokenType.SEMICOLON:
            break
        end = token.start
    return end


def _spots(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    from sqlglot import TokenType

    ends = _values(tokens)
    for colon, name in pairwise(tokens):
        adjacent = name.start == colon.end + 1
        is_it = colon.token_type == TokenType.COLON and adjacent and name.text == NAME
        if is_it and colon.start not in ends:
            yield colon.start, name.end + 1


def _values(tokens: Sequence[Token]) -> set[int]:
    """Where a colon is part of what it follows at once: of a path, a slice, an entry of a map."""
    from sqlglot import TokenType

    kinds = {
        *(TokenType.VAR, TokenType.IDENTIFIER, TokenType.NUMBER, TokenType.STRING),
        *(TokenType.R_BRACKET, TokenType.R_PAREN),
    }
    return {token.end + 1 for token in tokens if token.token_type in kinds}
