"""Steps on texts: parts, slices, case, padding, replacing."""

from __future__ import annotations

import re
from collections.abc import Callable

from lume_dagster.mapper.synthesis import letters
from lume_dagster.mapper.synthesis.op import Op, letters_of, listed, literal, ordinal, some

_SHOWN = {" ": "a space", ",": "a comma", "\n": "a line break", "\t": "a tab", "-": "a hyphen"}


def _named(mark: str) -> str:
    return _SHOWN.get(mark, f"'{mark}'")


def _part(text: str, mark: str, k: int) -> str | None:
    parts = text.split(mark)
    at = k - 1 if k > 0 else k
    return some(letters.trim(parts[at])) if -len(parts) <= at < len(parts) else None


def _between(text: str, left: str, right: str) -> str | None:
    rest = text.partition(left)[2] if left in text else ""
    return some(letters.trim(rest.partition(right)[0])) if right in rest else None


def _inside(text: str, left: str, right: str) -> str | None:
    """After the last opening mark that is closed: what [[a [[b]] holds is b."""
    found = re.match(f"(?s)^.*{_escaped(left)}(.*?){_escaped(right)}", text)
    return some(letters.trim(found[1])) if found else None


def _escaped(mark: str) -> str:
    return "".join(c if c.isalnum() or c in " \n\t" or ord(c) > 127 else f"\\{c}" for c in mark)


def _cut(pattern: str) -> Callable[..., str]:
    """The SQL of a part between marks: one regular expression, so the input is written once."""

    def sql(inner: str, *marks: str) -> str:
        regex = literal(pattern.format(*map(_escaped, marks)))
        return f"nullif(trim(regexp_extract({inner}, {regex}, 1)), '')"

    return sql


def _padded(text: str, width: int, fill: str) -> str:
    return text.rjust(width, fill)


def _capitalised(text: str) -> str:
    return letters.upper(text[:1]) + letters.lower(text[1:])


TEXT_OPS = listed(
    Op("trim", 0.6, letters.trim, "trim({0})", "{0}"),
    Op("squash", 1.4, letters.squash, "squash({0})", "{0} with runs of spaces made one"),
    Op(
        "split",
        lambda mark, k: (
            (2.0 if mark == " " else 1.75)
            + 0.12 * (k - 1 if k > 0 else -k - 0.6)
            + 0.1 * (len(mark) > 1)
        ),
        _part,
        "nullif(trim(string_split({0}, {1})[{2}]), '')",
        lambda x, mark, k: f"the {ordinal(k)} part of {x} split at {_named(mark)}",
    ),
    Op(
        "after",
        2.4,
        lambda x, mark: some(letters.trim(x.partition(mark)[2])),
        _cut("(?s)^.*?{0}(.*)$"),
        lambda x, mark: f"what follows the first {_named(mark)} in {x}",
    ),
    Op(
        "before_last",
        2.4,
        lambda x, mark: some(letters.trim(x.rpartition(mark)[0])),
        _cut("(?s)^(.*){0}"),
        lambda x, mark: f"what precedes the last {_named(mark)} in {x}",
    ),
    Op(
        "between",
        3.0,
        _between,
        _cut("(?s)^.*?{0}(.*?){1}"),
        lambda x, a, b: f"what stands between {_named(a)} and {_named(b)} in {x}",
    ),
    Op(
        "inside",
        3.1,
        _inside,
        _cut("(?s)^.*{0}(.*?){1}"),
        lambda x, a, b: f"what stands between the last {_named(a)} and {_named(b)} in {x}",
    ),
    Op("upper", 0.6, letters.upper, "upper({0})", "{0} in upper case"),
    Op("lower", 0.6, letters.lower, "lower({0})", "{0} in lower case"),
    Op("title_case", 0.7, letters.title_case, "title_case({0})", "{0} in title case"),
    Op(
        "capitalise",
        0.9,
        _capitalised,
        "(upper(left({0}, 1)) || lower(substr({0}, 2)))",
        "{0} with a capital first",
    ),
    Op(
        "left",
        lambda n: 1.2 + 0.1 * n + 0.3 * max(0, n - 3),
        lambda x, n: x[:n],
        "left({0}, {1})",
        lambda x, n: f"the first {letters_of(n)} of {x}",
    ),
    Op(
        "right",
        lambda n: 1.25 + 0.1 * n + 0.3 * max(0, n - 4),
        lambda x, n: x[-n:],
        "right({0}, {1})",
        lambda x, n: f"the last {letters_of(n)} of {x}",
    ),
    Op(
        "drop",
        lambda n: 1.5 + 0.1 * n + 0.3 * max(0, n - 3),
        lambda x, n: x[n:],
        "substr({0}, {1} + 1)",
        lambda x, n: f"{x} without its first {letters_of(n)}",
    ),
    Op(
        "drop_last",
        lambda n: 1.5 + 0.1 * n + 0.3 * max(0, n - 3),
        lambda x, n: x[:-n],
        "left({0}, -{1})",
        lambda x, n: f"{x} without its last {letters_of(n)}",
    ),
    Op(
        "slice",
        lambda start, _n: 1.6 + 0.03 * start,
        lambda x, start, n: some(x[start - 1 : start - 1 + n]),
        "nullif(substr({0}, {1}, {2}), '')",
        lambda x, start, n: f"{letters_of(n)} of {x} from the {ordinal(start)} on",
    ),
    Op(
        "pad",
        1.5,
        _padded,
        "CASE WHEN length({0}) < {1} THEN lpad({0}, {1}, {2}) ELSE {0} END",
        "{0} filled up to {1} characters with '{2}'",
    ),
    Op(
        "unpad",
        1.3,
        lambda x: x.lstrip("0") or x[-1:],
        "CASE WHEN ltrim({0}, '0') = '' THEN right({0}, 1) ELSE ltrim({0}, '0') END",
        "{0} without leading zeros",
    ),
    Op(
        "replace",
        lambda old, new: 2.3 + 0.1 * len(old) + 0.25 * len(new),
        lambda x, old, new: x.replace(old, new),
        "replace({0}, {1}, {2})",
        lambda x, old, new: (
            f"{x} with {_named(new)} for {_named(old)}" if new else f"{x} without {_named(old)}"
        ),
    ),
    Op("strip_accents", 1.0, letters.strip_accents, "strip_accents({0})", "{0} without accents"),
    Op(
        "translate",
        2.5,
        lambda x, old, new: x.translate(str.maketrans(old, new)),
        "translate({0}, {1}, {2})",
        "{0} with {1} made {2}",
    ),
)
