"""The functions an expression may call: pure scalar functions of the engine, each with an example.

The examples are run by the conformance test of every engine: an expression that went through the
parser and came out again must give what the engine gives for the text itself.
"""

from __future__ import annotations

#: Name -> an example of its use that needs no column.
FUNCTIONS: dict[str, str] = {
    # text
    "upper": "upper('aé')",
    "lower": "lower('AÉ')",
    "trim": "trim('  a ')",
    "ltrim": "ltrim('xxa', 'x')",
    "rtrim": "rtrim('a  ')",
    "length": "length('abc')",
    "len": "len('abc')",
    "substr": "substr('abcdef', 2, 3)",
    "substring": "substring('abcdef', 2, 3)",
    "left": "left('abc', 2)",
    "right": "right('abc', 2)",
    "lpad": "lpad('7', 4, '0')",
    "rpad": "rpad('7', 4, '.')",
    "replace": "replace('a-b', '-', '+')",
    "translate": "translate('abc', 'ab', 'xy')",
    "reverse": "reverse('abc')",
    "contains": "contains('abc', 'b')",
    "starts_with": "starts_with('abc', 'ab')",
    "ends_with": "ends_with('abc', 'bc')",
    "strpos": "strpos('abc', 'c')",
    "instr": "instr('abc', 'c')",
    "position": "position('c' in 'abc')",
    "split_part": "split_part('a-b-c', '-', 2)",
    "string_split": "string_split('a;b', ';')",
    "concat": "concat('a', NULL, 'b')",
    "concat_ws": "concat_ws('-', 'a', NULL, 'b')",
    "regexp_matches": "regexp_matches('abc', 'b.')",
    "regexp_full_match": "regexp_full_match('abc', 'a.c')",
    "regexp_extract": "regexp_extract('a12b', '([0-9]+)', 1)",
    "regexp_replace": "regexp_replace('a1b2', '[0-9]', '', 'g')",
    "regexp_extract_all": "regexp_extract_all('a1b22', '[0-9]+')[-1]",
    "strip_accents": "strip_accents('café')",
    "md5": "md5('a')",
    "sha256": "sha256('a')",
    "unicode": "unicode('a')",
    "chr": "chr(65)",
    "levenshtein": "levenshtein('abc', 'abd')",
    # numbers
    "abs": "abs(-2)",
    "round": "round(2.345, 2)",
    "floor": "floor(2.5)",
    "ceil": "ceil(2.5)",
    "trunc": "trunc(2.5)",
    "sign": "sign(-2)",
    "mod": "mod(7, 3)",
    "power": "power(2, 3)",
    "sqrt": "sqrt(9)",
    "ln": "ln(1)",
    "log10": "log10(100)",
    "exp": "exp(0)",
    "to_base": "to_base(10, 2)",
    "greatest": "greatest(1, 2)",
    "least": "least(1, 2)",
    # dates and times
    "strptime": "strptime('2013-1-1 0517', '%Y-%-m-%-d %H%M')",
    "try_strptime": "try_strptime('01.02.2024', ['%Y-%m-%d', '%d.%m.%Y'])",
    "strftime": "strftime(DATE '2024-02-01', '%d/%m/%Y')",
    "date_trunc": "date_trunc('month', DATE '2024-02-15')",
    "time_bucket": "time_bucket(INTERVAL 15 MINUTE, TIMESTAMP '2024-02-15 10:20:30')",
    "date_part": "date_part('year', DATE '2024-02-15')",
    "extract": "extract(month FROM DATE '2024-02-15')",
    "date_diff": "date_diff('day', DATE '2024-02-01', DATE '2024-02-15')",
    "year": "year(DATE '2024-02-15')",
    "month": "month(DATE '2024-02-15')",
    "day": "day(DATE '2024-02-15')",
    "hour": "hour(TIMESTAMP '2024-02-15 10:20:30')",
    "minute": "minute(TIMESTAMP '2024-02-15 10:20:30')",
    "second": "second(TIMESTAMP '2024-02-15 10:20:30')",
    "quarter": "quarter(DATE '2024-05-15')",
    "dayofweek": "dayofweek(DATE '2024-05-15')",
    "isodow": "isodow(DATE '2024-05-15')",
    "last_day": "last_day(DATE '2024-02-15')",
    "make_date": "make_date(2024, 2, 29)",
    "make_timestamp": "make_timestamp(2024, 2, 29, 10, 20, 30.5)",
    "epoch": "epoch(TIMESTAMP '2024-02-15 10:20:30')",
    # nulls and choices
    "coalesce": "coalesce(NULL, 'a')",
    "ifnull": "ifnull(NULL, 'a')",
    "nullif": "nullif('a', 'a')",
    "if": "if(1 = 1, 'a', 'b')",
    # lists
    "list_value": "list_value(1, 2)",
    "list_contains": "list_contains([1, 2], 2)",
    "list_distinct": "len(list_distinct([1, 1]))",
    "list_sort": "list_sort([2, 1])",
    "array_to_string": "array_to_string(['a', 'b'], ',')",
}

#: Written by us, expanded while compiling; see plan/helpers.py.
HELPERS: dict[str, str] = {
    "lookup": "lookup(seed, key, column): the seed's value; an unknown key is an error.",
    "try_lookup": "try_lookup(seed, key, column): the same, but NULL for an unknown key.",
    "parse_date": "parse_date(text, format, ...): the first of several formats that fits; %Y-%m-%d"
    " takes a day of a spreadsheet, too (2024-02-29 00:00:00).",
    "parse_timestamp": "parse_timestamp(text, format, ...): the same for points in time.",
    "parse_number": "parse_number(text[, ',']): a number with separators of thousands, a currency, "
    "a sign or brackets for negatives; the second argument is the decimal sign ('.').",
    "parse_boolean": "parse_boolean(text): yes and no in every usual spelling.",
    "code_list": "code_list(text, {'p': 'PAID', ...}): the value for a code, whatever its "
    "case; NULL for one that means nothing.",
    "null_if": "null_if(text, 'NA', '-', ...): NULL for texts that mean nothing.",
    "parse_quantity": "parse_quantity(text, {'min': 60, 'h': 3600}[, ',']): a number with its "
    "unit, or several (1h 30min), each times what its unit counts; '' is a number without one.",
    "month_names": "month_names(text): names of months in English, German, French or Spanish as "
    "Jan, Feb, ...: parse_date(month_names(x), '%d %b %Y').",
    "title_case": "title_case(text): the first letter of each word upper case, the others lower.",
    "format_number": "format_number(number, decimals[, ',']): a number as text with just so many "
    "decimals, halves away from zero; the third argument parts the thousands. It has the 15 digits "
    "of a double.",
    "significant": "significant(number, digits): a number as text with no more decimals than make "
    "so many significant digits, without exponent and trailing zeros; whole digits stay.",
    "squash": "squash(text): runs of white space made one, ends trimmed; NULL when empty.",
    "count_of": "count_of(list[, condition]): how many items there are, or how many of which the "
    "condition is true: count_of(lines, item.qty > 0).",
    "sum_of": "sum_of(list[, number]): the sum over the items, 0 of an empty list: "
    "sum_of(lines, item.qty * item.price::DOUBLE). Texts are read as plain numbers.",
    "min_of": "min_of(list[, value]): the least value of the items: min_of(lines, item.due::DATE).",
    "max_of": "max_of(list[, value]): the greatest.",
    "first_of": "first_of(list[, value]): that of the first item that has one: "
    "first_of(contacts, item.email).",
    "join_of": "join_of(list, ', '[, text]): all of them as one text, with a text between; NULL "
    "when there is nothing: join_of(lines, ', ', item.sku).",
}

#: Functions that make a text as long as an argument says: only up to this many characters.
LONGEST_PAD = 10_000
PADDING = frozenset({"lpad", "rpad"})

#: Functions whose result may not exist (overflow, out of range) and so must not stop a batch.
MAY_FAIL = frozenset(
    {"power", "sqrt", "ln", "log10", "exp", "make_date", "make_timestamp", "abs", "round", "ceil"}
    | {"floor", "trunc", "mod", "strftime", "date_trunc", "last_day", "time_bucket", "to_base"}
    | {"chr", "list_sum"}
)
