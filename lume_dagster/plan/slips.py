"""What is wrong with an expression that cannot be read, and what functions of others are here."""

from __future__ import annotations

import re

from sqlglot.errors import ParseError, SqlglotError

_BEFORE = 30  # characters that a message repeats of what stands before the slip

#: What sqlglot says is wanted, and what a person would call it.
_WANTED = (
    (re.compile(r"Required keyword"), "a value"),
    (re.compile(r"Expect\w+ type", re.IGNORECASE), "a type"),
    (re.compile(r"Expect\w+ (\S+)"), r"\1"),
)

_NO_CLOCK = (
    "the same batch gives the same rows on every day: take the time from a column of the batch."
)
_A_ROW = "an expression sees one row; over a list inside the row there is {}."

#: Functions of other databases and of spreadsheets that have another name here.
FOREIGN: dict[str, str] = {
    **dict.fromkeys(
        ("to_date", "str_to_date", "date_parse", "datevalue"),
        "parse_date(text, '%d.%m.%Y') does that, with one format or several.",
    ),
    **dict.fromkeys(
        ("to_timestamp", "to_timestamp_ntz", "str_to_time", "parse_datetime"),
        "parse_timestamp(text, '%d.%m.%Y %H:%M') does that.",
    ),
    **dict.fromkeys(
        ("epoch_ms", "from_unixtime", "unix_to_time"),
        "make_timestamp(microseconds) does that, from microseconds since 1970.",
    ),
    **dict.fromkeys(
        ("to_number", "to_decimal", "to_numeric", "numbervalue", "value"),
        "parse_number(text, ',') does that, for a decimal comma.",
    ),
    **dict.fromkeys(
        ("to_char", "to_varchar", "date_format", "format", "text"),
        "strftime(date, '%Y-%m') does that for dates, format_number(number, 2) for numbers.",
    ),
    **dict.fromkeys(("dateadd", "date_add", "adddate"), "write it as date + INTERVAL 1 DAY."),
    **dict.fromkeys(("date_sub", "subdate"), "write it as date - INTERVAL 1 DAY."),
    **dict.fromkeys(("initcap", "proper"), "title_case(text) does that."),
    **dict.fromkeys(("charindex", "locate", "find", "search"), "strpos(text, part) does that."),
    **dict.fromkeys(("decode", "switch"), "code_list(text, {'p': 'PAID'}) does that."),
    **dict.fromkeys(("vlookup", "xlookup"), "lookup('seed', key, 'column') does that."),
    **dict.fromkeys(("regexp_substr", "regexp"), "regexp_extract(text, pattern) does that."),
    **dict.fromkeys(("substring_index", "split_to"), "split_part(text, '-', 1) does that."),
    **dict.fromkeys(("concatenate", "textjoin"), "concat_ws(' ', a, b) does that."),
    **dict.fromkeys(("sum", "avg"), _A_ROW.format("sum_of")),
    **dict.fromkeys(("count", "countif"), _A_ROW.format("count_of")),
    **dict.fromkeys(("string_agg", "listagg", "group_concat"), _A_ROW.format("join_of")),
    "min": _A_ROW.format("min_of, over columns least(a, b)"),
    "max": _A_ROW.format("max_of, over columns greatest(a, b)"),
    **dict.fromkeys(
        (
            *("now", "today", "getdate", "sysdate", "current_date", "current_time"),
            *("current_timestamp", "localtimestamp", "localtime"),
        ),
        _NO_CLOCK,
    ),
}


def what_it_is_here(name: str) -> str | None:
    """A hint for a function that people know from elsewhere."""
    return FOREIGN.get(name.lower())


def unreadable(error: SqlglotError, text: str) -> str:
    """What keeps a text from being an expression, in a sentence."""
    if not isinstance(error, ParseError) or not error.errors:
        return f"{_open_end(text)} is not closed."
    slip = error.errors[0]
    start, token, rest = (str(slip[k] or "") for k in ("start_context", "highlight", "end_context"))
    if not rest:
        for pattern, words in _WANTED:
            if found := pattern.match(str(slip["description"])):
                return f"{found.expand(words)} is missing after {_tail(start + token)}."
    return f"{token!r} is not expected after {_tail(start)}."


def _tail(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= _BEFORE else f"...{text[-_BEFORE:]}")


def _open_end(text: str) -> str:
    """The text, name or comment that begins and does not end."""
    plain = re.sub(r"'[^']*'|\"[^\"]*\"", "", text)
    found = [(plain.find(sign), what) for sign, what in _OPENED.items() if sign in plain]
    return min(found)[1] if found else "something"


_OPENED = {"'": "a text in '...'", '"': 'a name in "..."', "/*": "a comment"}
