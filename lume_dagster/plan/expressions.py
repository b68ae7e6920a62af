"""Parse what a person wrote in a mapping or rule; refuse all but pure scalar expressions."""

from __future__ import annotations

from functools import lru_cache

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import ErrorLevel, SqlglotError, UnsupportedError

from lume_dagster.errors import FlowError, did_you_mean
from lume_dagster.plan.functions import FUNCTIONS, HELPERS, LONGEST_PAD, PADDING
from lume_dagster.plan.slips import unreadable, what_it_is_here

DIALECT = "duckdb"
LONGEST = 20_000  # characters
DEEPEST = 200  # levels of a tree: a sum of 200 terms has as many
NESTED = 30  # brackets and CASE within one another; parsing takes some 24 frames of Python for each
_QUOTED = 60  # characters of a refused part that a message repeats

#: Everything an expression may be made of, beside the functions.
_NODES = (
    *(exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Boolean, exp.Paren, exp.Dot),
    *(exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam, exp.Case, exp.If),
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.DPipe),
    *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.And, exp.Or, exp.Not, exp.Is),
    *(exp.NullSafeEQ, exp.NullSafeNEQ, exp.Like, exp.ILike, exp.SimilarTo, exp.Escape),
    *(exp.Between, exp.In, exp.Interval, exp.Var, exp.Array, exp.Bracket, exp.Slice),
    *(exp.Struct, exp.PropertyEQ, exp.ToMap, exp.Tuple),
)

_CASTS = frozenset(
    [
        "TINYINT",
        "SMALLINT",
        "INT",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINT",
        "UBIGINT",
        "FLOAT",
        "REAL",
        "DOUBLE",
        "DECIMAL",
        "BOOLEAN",
        "VARCHAR",
        "TEXT",
        "CHAR",
        "DATE",
        "TIMESTAMP",
        "TIMESTAMPTZ",
        "TIME",
        "UUID",
    ]
)

_HINT = (
    "an expression is made of columns, literals, operators, CASE, CAST and the functions of "
    "docs/expressions.md."
)


class _Refused(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, what: str, hint: str = _HINT) -> None:
        super().__init__(what)
        self.hint = hint


@lru_cache(maxsize=4096)
def parse_expression(text: str, where: str) -> exp.Expr:
    """The tree of an expression; callers copy before they change it.

    Raises:
        FlowError: not one expression, or something that is not allowed; ``where`` names the field.
    """
    try:
        tree = _parse(text)
        _check(tree, text)
        _check_meaning(tree)
    except _Refused as refusal:
        raise FlowError(f"{where}: {refusal}", hint=refusal.hint) from None
    return tree


def _parse(text: str) -> exp.Expr:
    if len(text) > LONGEST:
        raise _Refused(f"the expression is longer than {LONGEST} characters.", "split it up.")
    try:
        _check_nesting(sqlglot.tokenize(text, read=DIALECT))
        trees = sqlglot.parse(text, read=DIALECT)
    except SqlglotError as error:
        raise _Refused(f"cannot be read as an expression: {unreadable(error, text)}") from None
    except RecursionError:
        raise _too_deep() from None
    if len(trees) != 1 or trees[0] is None:
        found = len([t for t in trees if t])
        raise _Refused(f"one expression is wanted, found {found or 'none'}.")
    return trees[0]


_OPEN = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE)
_CLOSE = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END)


def _check_nesting(tokens: list[Token]) -> None:
    """Whether an expression can be read may not depend on how deep in calls its reader stands."""
    depth = 0
    for token in tokens:
        depth += (token.token_type in _OPEN) - (token.token_type in _CLOSE)
        if depth > NESTED:
            raise _too_deep()


def _too_deep() -> _Refused:
    return _Refused(
        "the expression is nested too deeply.",
        f"split it up: at most {NESTED} brackets and CASE within one another, {DEEPEST} operators.",
    )


def _check(tree: exp.Expr, text: str) -> None:
    for node in tree.walk():
        if node.depth > DEEPEST:
            raise _too_deep()
        if isinstance(node, exp.Anonymous):
            _check_name(node.name)
        elif isinstance(node, exp.Func) and not isinstance(node, _NODES):
            _check_function(node, text)
        elif isinstance(node, exp.Alias):
            raise _Refused(f"{node.alias!r} is not expected after {_describe(node.this)!r}.")
        elif not isinstance(node, _NODES):
            raise _Refused(f"{_describe(node)} is not allowed here.", _hint_for(node.key))
        else:
            _check_node(node)
        _check_padding(node)
        _check_bucket(node)


def _check_node(node: exp.Expr) -> None:
    if isinstance(node, exp.In) and (node.args.get("query") or node.args.get("unnest")):
        raise _Refused("IN takes a list of values, not a query.")
    if isinstance(node, exp.Dot) and not isinstance(node.expression, exp.Identifier):
        raise _Refused(f"{node.sql(DIALECT)!r}: a function is called as f(x), not x.f().")
    if isinstance(node, exp.Cast) and _type_name(node.to) not in _CASTS:
        raise _Refused(f"a cast to {node.to.sql(DIALECT)} is not allowed.")
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        raise _Refused("* is not allowed here.")
    if isinstance(node, exp.Escape):
        _check_escape(node)


def _check_escape(node: exp.Escape) -> None:
    sign, pattern = node.expression, node.this.expression
    if not (isinstance(sign, exp.Literal) and sign.is_string and len(sign.name.encode()) == 1):
        raise _Refused("ESCAPE takes a literal text of one ASCII character.")
    ending = len(pattern.name) - len(pattern.name.rstrip(sign.name))
    if isinstance(pattern, exp.Literal) and ending % 2:
        raise _Refused(f"{_describe(pattern)} ends with its escape character.")


def _type_name(kind: exp.DataType) -> str:
    return kind.sql(DIALECT).split("(", 1)[0]


def _check_function(node: exp.Func, text: str) -> None:
    names = [name.lower() for name in node.sql_names()]
    if {*names, node.key, *_ALIASES.get(node.key, ())} & FUNCTIONS.keys():
        return
    generated = _sql(node).split("(", 1)[0].lower()
    if generated == _WRITTEN_AS.get(node.key) or _is_of_allowed_ones(node):
        return
    written = _written(node, text)
    raise _Refused(f"the function {written} is not allowed.", _hint_for(written, *names))


def _written(node: exp.Func, text: str) -> str:
    """What a function is called in the text, as far as the parser tells."""
    name = text[node.meta.get("start", 0) : node.meta.get("end", -1) + 1].lower()
    return name if name.isidentifier() else node.sql_names()[0].lower()


def _is_of_allowed_ones(node: exp.Func) -> bool:
    """Whether a function of another system (`UNIX_DATE`) becomes functions that are allowed."""
    generated = _sql(node)
    if generated.split("(", 1)[0].lower() not in FUNCTIONS:
        return False
    try:
        again = sqlglot.parse_one(generated, read=DIALECT)
        if type(again) is not type(node):
            _check(again, generated)
            return True
    except (SqlglotError, _Refused):
        pass
    return False


def _sql(node: exp.Expr) -> str:
    """The node in DuckDB's grammar, as far as that has it."""
    return node.sql(DIALECT, unsupported_level=ErrorLevel.IGNORE)


#: sqlglot's node keys whose names and generated SQL are not what a person writes.
_ALIASES: dict[str, tuple[str, ...]] = {
    "arraydistinct": ("list_distinct",),
    "arraysort": ("list_sort",),
    "datebin": ("time_bucket",),
    "datefromparts": ("make_date",),
    "pad": ("lpad", "rpad"),
    "sha2": ("sha256",),
    "strposition": ("strpos",),
    "strtotime": ("strptime",),
    "timestampfromparts": ("make_timestamp",),
    "timetostr": ("strftime",),
    "timetounix": ("epoch",),
    "timestamptrunc": ("date_trunc",),
    "regexplike": ("regexp_matches",),
    "pow": ("power",),
    "split": ("string_split",),
    "arraycontains": ("list_contains",),
    "log": ("log10",),
}


#: Node keys of several functions, and the one that is allowed.
_WRITTEN_AS = {"unixtotime": "make_timestamp"}


def _check_meaning(tree: exp.Expr) -> None:
    """Refuse what the engine has no word for: `sha2(text, 512)` would become `sha256(text)`."""
    try:
        tree.sql(DIALECT, unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        told = str(error).rstrip(".")
        raise _Refused(f"cannot be said in DuckDB's words: {told}.") from None


def _check_name(name: str) -> None:
    lower = name.lower()
    if lower not in FUNCTIONS and lower not in HELPERS:
        raise _Refused(f"the function {lower} is not allowed.", _hint_for(lower))


def _hint_for(*names: str) -> str:
    """What a function of these names is called here, if it is here."""
    known = next(filter(None, map(what_it_is_here, names)), None)
    near = known or did_you_mean(names[0], [*FUNCTIONS, *HELPERS])
    return near if known or near.startswith("did") else _HINT


def _check_padding(node: exp.Expr) -> None:
    name = node.name.lower() if isinstance(node, exp.Anonymous) else node.key
    if name != "pad" and name not in PADDING:
        return
    width = node.expression if isinstance(node, exp.Pad) else None
    if not (isinstance(width, exp.Literal) and width.is_int and int(width.name) <= LONGEST_PAD):
        raise _Refused(f"lpad and rpad take a literal width of at most {LONGEST_PAD}.")
    filled = node.args.get("fill_pattern")
    if isinstance(filled, exp.Literal) and not filled.name:
        raise _Refused("lpad and rpad need a text to fill up with.")


def _check_bucket(node: exp.Expr) -> None:
    width = node.this if isinstance(node, exp.DateBin) else None
    literal = isinstance(width, exp.Interval) and isinstance(width.this, exp.Literal)
    if width is not None and not literal:
        raise _Refused("time_bucket takes a literal width.", "write it as INTERVAL 15 MINUTE.")


def _describe(node: exp.Expr) -> str:
    text = _sql(node)
    return text if len(text) <= _QUOTED else f"{text[: _QUOTED - 3]}..."
