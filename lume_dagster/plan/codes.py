"""The error codes a reject can carry: what each means, what usually causes it, what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """One error code, as docs/errors.md lists it."""

    name: str
    meaning: str
    cause: str
    remedy: str


def _table(*rows: tuple[str, str, str, str]) -> dict[str, Code]:
    return {name: Code(name, meaning, cause, remedy) for name, meaning, cause, remedy in rows}


CODES = _table(
    (
        "MALFORMED_RECORD",
        "The record could not be split into the columns of its file.",
        "A stray quote, a missing or an extra delimiter, bytes that are not text in the encoding.",
        "Repair the line (it is kept whole in the reject), or state delimiter, quote or encoding.",
    ),
    (
        "REPEATED_HEADER",
        "The record is the header of its CSV file once more, letter for letter.",
        "Files that were joined with their headers (`cat a.csv b.csv`).",
        "None is needed: no row is lost. Joining files without their headers avoids it.",
    ),
    (
        "MISSING_REQUIRED_FIELD",
        "A required field has no value, and no conversion took it away.",
        "The source is empty there, or holds one of the flow's null texts.",
        "Fill it at the source, give the field a default, or take it out of `required`.",
    ),
    (
        "INVALID_INTEGER",
        "A text is not a whole number, or does not fit 64 bits.",
        "Letters, decimals (`1.5`), thousands separators.",
        "Use parse_number for separators; round(...) to drop decimals on purpose.",
    ),
    (
        "INVALID_NUMBER",
        "A text is not a number, or has more digits or decimals than its field keeps.",
        "Thousands separators, decimal commas, currency signs, words.",
        "Use parse_number, naming the decimal sign where it is a comma.",
    ),
    (
        "INVALID_BOOLEAN",
        "A text is neither true nor false.",
        "Spellings such as Y, ja or 1.",
        "Use parse_boolean, or code_list for other words.",
    ),
    (
        "INVALID_DATE_FORMAT",
        "A text is not a date in the format asked for, or no such day exists.",
        "Another format, a typing error, 31 February.",
        "Name every format that occurs: parse_date(x, '%d/%m/%Y', '%Y-%m-%d').",
    ),
    (
        "INVALID_TIMESTAMP_FORMAT",
        "A text is not a point in time in the format asked for.",
        "Another format, an hour such as 24:00.",
        "Name every format that occurs: parse_timestamp(x, '%d.%m.%Y %H:%M').",
    ),
    (
        "INVALID_TIME_FORMAT",
        "A text is not a time of day written HH:MM or HH:MM:SS.",
        "Another format.",
        "Rewrite it in the mapping expression.",
    ),
    (
        "INVALID_UUID",
        "A text is not a UUID.",
        "A typing error, another kind of id.",
        "Make the field a plain string.",
    ),
    (
        "INVALID_FORMAT",
        "A text does not have the form its `format` asks for (email, uri, ipv4, ipv6, hostname).",
        "A typing error, several values in one field.",
        "Clean it in the mapping, or set the field's handling to warn.",
    ),
    (
        "INVALID_ARRAY",
        "A value is not a list.",
        "The source sends one object where it usually sends a list.",
        "Map it in an expression that makes it a list.",
    ),
    (
        "EXPRESSION_FAILED",
        "The expression could not be computed for this row.",
        "Overflow, a date out of range, the logarithm of zero.",
        "Guard it with CASE, or allow NULL with TRY_CAST.",
    ),
    (
        "DIVISION_BY_ZERO",
        "The expression divides by zero in this row.",
        "A count or total that is 0.",
        "Divide by nullif(x, 0) to get NULL instead.",
    ),
    (
        "LOOKUP_NOT_FOUND",
        "The key is not in the seed.",
        "A new code the reference data does not know, another spelling.",
        "Add it to the seed, normalise the key, or use try_lookup to allow NULL.",
    ),
    (
        "NOT_IN_CODE_LIST",
        "The text is none of the codes the mapping lists.",
        "A new code, another spelling.",
        "Add the code to the code_list.",
    ),
    (
        "INVALID_QUANTITY",
        "The text is not a number with one of the units the mapping lists.",
        "Another unit, no unit, a word.",
        "Add the unit to the parse_quantity, or '' for numbers without one.",
    ),
    (
        "NOT_IN_ENUM",
        "The value is none of those the schema allows.",
        "A new value, another spelling.",
        "Translate it with code_list, or extend the enum.",
    ),
    (
        "PATTERN_MISMATCH",
        "The text does not match the schema's pattern.",
        "Another kind of id, extra characters.",
        "Clean it in the mapping, or correct the pattern.",
    ),
    (
        "TOO_SHORT",
        "The text is shorter than minLength.",
        "A cut or missing value.",
        "Correct the source or the schema.",
    ),
    (
        "TOO_LONG",
        "The text is longer than maxLength.",
        "Free text in a short field.",
        "Cut it with left(x, n).",
    ),
    (
        "BELOW_MINIMUM",
        "The number is below the schema's minimum.",
        "A wrong sign or unit.",
        "Correct the source or the schema.",
    ),
    (
        "ABOVE_MAXIMUM",
        "The number is above the schema's maximum.",
        "A wrong unit.",
        "Correct the source or the schema.",
    ),
    (
        "NOT_MULTIPLE_OF",
        "The number is no multiple of multipleOf; for 0.01: it has more than two decimals.",
        "More decimals than the schema keeps.",
        "round(x, 2) in the mapping.",
    ),
    (
        "TOO_FEW_ITEMS",
        "The list is shorter than minItems.",
        "An empty order.",
        "Correct the source or the schema.",
    ),
    (
        "TOO_MANY_ITEMS",
        "The list is longer than maxItems.",
        "Several records in one.",
        "Correct the source or the schema.",
    ),
    (
        "DUPLICATE_KEY",
        "An earlier good row of the batch has the same key.",
        "The source delivers a record twice.",
        "Keep it as a reject, or choose a key that tells them apart.",
    ),
    (
        "RULE_FAILED",
        "A rule of the flow is false for this row.",
        "What the rule guards against.",
        "See the rule's message.",
    ),
)
