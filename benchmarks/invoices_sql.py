"""The invoice mapping as a good engineer writes it by hand in DuckDB: expressions, rules, lookups.

Every cast is checked first for how the text is written, as ``lume_dagster`` does (``1.5`` is not the
integer 2, ``03/04/24`` is not the year 24), and dear functions stand behind cheap tests.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.invoices import COLUMNS

RAW = tuple(f"c{i}" for i in range(len(COLUMNS)))
(
    _ID, _DATE, _DUE, _CUSTOMER, _NAME, _EMAIL, _PHONE, _STREET, _CITY, _POSTAL, _COUNTRY, _CURRENCY,
    _PRODUCT, _QTY, _PRICE, _DISCOUNT, _TAX, _STATUS, _PAID, _CREATED, _NOTES,
) = RAW  # fmt: skip


def _date(text: str) -> str:
    """Three in four are ISO, so one cheap look spares the list of formats."""
    return (
        f"CASE WHEN length({text}) = 10 AND {text}[5] = '-' THEN CAST(try_strptime({text}, '%Y-%m-%d') AS DATE) "
        f"ELSE CAST(try_strptime({text}, ['%d/%m/%Y', '%d.%m.%Y', '%Y%m%d', '%d %b %Y']) AS DATE) END"
    )


def _four_digits(day: str) -> str:
    return f"CASE WHEN {day} >= DATE '1000-01-01' THEN {day} END"


#: Level 1: clean texts.
CLEAN = {
    "t_id": f"nullif(trim({_ID}), '')",
    "t_date": f"nullif(trim({_DATE}), '')",
    "t_due": f"nullif(trim({_DUE}), '')",
    "t_customer": f"nullif(trim({_CUSTOMER}), '')",
    "t_name": f"nullif(trim(CASE WHEN contains({_NAME}, '  ') OR regexp_matches({_NAME}, '[\\t\\n\\r]') "
    f"THEN regexp_replace({_NAME}, '\\s+', ' ', 'g') ELSE {_NAME} END), '')",
    "t_email": f"nullif(lower(trim({_EMAIL})), '')",
    "t_country": f"nullif(upper(trim({_COUNTRY})), '')",
    "t_currency": f"nullif(upper(trim({_CURRENCY})), '')",
    "t_product": f"nullif(trim({_PRODUCT}), '')",
    "t_qty": f"nullif(trim({_QTY}), '')",
    "t_price": f"nullif(trim({_PRICE}), '')",
    "t_discount": f"nullif(replace(trim({_DISCOUNT}), '%', ''), '')",
    "t_tax": f"nullif(trim({_TAX}), '')",
    "t_status": f"nullif(lower(trim({_STATUS})), '')",
    "t_paid": f"nullif(lower(trim({_PAID})), '')",
    "t_created": f"nullif(trim({_CREATED}), '')",
}

#: Level 2: typed values. A BIGINT makes the products below 38 digits wide, so that
#: no quantity, however wrong, overflows and stops the batch.
TYPED = {
    "invoice_id": "t_id",
    "d_date": _date("t_date"),
    "d_due": _date("t_due"),
    "customer_id": "TRY_CAST(regexp_extract(t_customer, '^C([0-9]{7})$', 1) AS BIGINT)",
    "customer_name": "t_name",
    "email": "t_email",
    "phone": f"nullif(regexp_replace({_PHONE}, '[^0-9+]', '', 'g'), '')",
    "address": f"concat_ws(', ', nullif(trim({_STREET}), ''), trim({_POSTAL}) || ' ' || trim({_CITY}))",
    "qty": "CASE WHEN regexp_full_match(t_qty, '[+-]?[0-9]{1,9}') THEN TRY_CAST(t_qty AS BIGINT) END",
    "price": "CASE WHEN regexp_full_match(t_price, '[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)([.][0-9]{1,2})?') "
    "THEN TRY_CAST(replace(t_price, ',', '') AS DECIMAL(14,2)) END",
    "percent": "CASE WHEN regexp_full_match(t_discount, '[+-]?[0-9]+([.][0-9]{1,4})?') "
    "THEN TRY_CAST(t_discount AS DECIMAL(9,4)) END",
    "status": "CASE t_status WHEN 'p' THEN 'PAID' WHEN 'paid' THEN 'PAID' WHEN 'o' THEN 'OPEN' "
    "WHEN 'open' THEN 'OPEN' WHEN 'c' THEN 'CANCELLED' WHEN 'cancelled' THEN 'CANCELLED' END",
    "is_paid": "CASE WHEN t_paid IN ('y', 'yes', 'true', '1') THEN true "
    "WHEN t_paid IN ('n', 'no', 'false', '0') THEN false END",
    "created_at": "CASE WHEN regexp_full_match(t_created, "
    "'[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}') THEN TRY_CAST(t_created AS TIMESTAMP) END",
    "notes": f"nullif(trim({_NOTES}), '')",
}

#: Level 3: what needs a typed value twice.
DATES = {"invoice_date": _four_digits("d_date"), "due_date": _four_digits("d_due")}

#: Level 4: money. DuckDB divides decimals of 38 digits bit by bit, half a second of CPU for a million;
#: the nearest double rounds to the right cent for nearly all, which a subtraction proves.
_NET = "qty * price * (1 - coalesce(percent, 0) * 0.01)"
PRICES = {"net": _NET, "gross": f"{_NET} * (1 + tax_rate)"}
CENTS = {f"near_{name}": f"TRY_CAST(CAST({name} AS DOUBLE) AS DECIMAL(18,2))" for name in PRICES}


def _cents(name: str) -> str:
    return (
        f"CASE WHEN abs({name} - near_{name}) < 0.005 THEN near_{name} "
        f"ELSE CAST({name} AS DECIMAL(18,2)) END"
    )


#: The target row, in order.
TARGET = {
    **{
        name: name
        for name in ("invoice_id", "invoice_date", "due_date", "customer_id", "customer_name")
    },
    **{
        name: name
        for name in ("email", "phone", "address", "country_iso3", "country_name", "region")
    },
    **{name: name for name in ("currency", "product_code", "product_category")},
    "quantity": "qty",
    "unit_price": "CAST(price AS DECIMAL(18,2))",
    "discount": "CAST(percent AS DECIMAL(18,4))",
    "tax_rate": "CAST(tax_rate AS DECIMAL(18,4))",
    "net_amount": _cents("net"),
    "gross_amount": _cents("gross"),
    **{name: name for name in ("status", "is_paid", "created_at", "notes")},
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What can be wrong with a row."""

    field: str
    code: str
    message: str
    broken: str
    value: str = "NULL"


def _missing(field: str, text: str) -> Rule:
    return Rule(field, "MISSING_REQUIRED_FIELD", "has no value", f"{text} IS NULL")


def _lost(field: str, code: str, message: str, before: str, after: str, shown: str = "") -> Rule:
    return Rule(field, code, message, f"{before} IS NOT NULL AND {after} IS NULL", shown or before)


def _unknown(field: str, seed: str, key: str, found: str) -> Rule:
    return _lost(field, "LOOKUP_NOT_FOUND", f"is not in the seed {seed}", key, found)


RULES = (
    _missing("invoice_id", "t_id"),
    Rule("invoice_id", "PATTERN_MISMATCH", "does not match INV-YYYY-NNNNNNNN",
         "NOT regexp_full_match(t_id, 'INV-[0-9]{4}-[0-9]{8}')", "t_id"),
    _lost("invoice_date", "INVALID_DATE_FORMAT", "is not a date", "t_date", "invoice_date", _DATE),
    _missing("invoice_date", "t_date"),
    _lost("due_date", "INVALID_DATE_FORMAT", "is not a date", "t_due", "due_date", _DUE),
    _lost("customer_id", "INVALID_INTEGER", "is not C and seven digits", "t_customer", "customer_id", "''"),
    _missing("customer_id", "t_customer"),
    _missing("customer_name", "t_name"),
    Rule("customer_name", "TOO_LONG", "is longer than 60", "length(t_name) > 60", "t_name"),
    Rule("email", "PATTERN_MISMATCH", "is not an address",
         "NOT regexp_full_match(t_email, '[^@\\s]+@[^@\\s]+\\.[a-z]{2,}')", "t_email"),
    _unknown("country_iso3", "countries", "t_country", "country_iso3"),
    _missing("country_iso3", "t_country"),
    _unknown("currency", "currencies", "t_currency", "currency"),
    _missing("currency", "t_currency"),
    _unknown("product_code", "products", "t_product", "product_code"),
    _missing("product_code", "t_product"),
    _lost("quantity", "INVALID_INTEGER", "is not a whole number", "t_qty", "qty", _QTY),
    _missing("quantity", "t_qty"),
    Rule("quantity", "BELOW_MINIMUM", "is below 1", "qty < 1", "qty"),
    Rule("quantity", "ABOVE_MAXIMUM", "is above 100000", "qty > 100000", "qty"),
    _lost("unit_price", "INVALID_NUMBER", "is not an amount", "t_price", "price", _PRICE),
    _missing("unit_price", "t_price"),
    Rule("unit_price", "BELOW_MINIMUM", "is below 0", "price < 0", "CAST(price AS DECIMAL(18,2))"),
    _lost("discount", "INVALID_NUMBER", "is not a percentage", "t_discount", "percent"),
    Rule("discount", "BELOW_MINIMUM", "is below 0", "percent < 0", "CAST(percent AS DECIMAL(18,4))"),
    Rule("discount", "ABOVE_MAXIMUM", "is above 100", "percent > 100", "CAST(percent AS DECIMAL(18,4))"),
    _unknown("tax_rate", "tax_codes", "t_tax", "tax_rate"),
    _missing("tax_rate", "t_tax"),
    _lost("status", "NOT_IN_CODE_LIST", "is no status", "t_status", "status", _STATUS),
    _missing("status", "t_status"),
    _lost("is_paid", "INVALID_BOOLEAN", "is neither yes nor no", "t_paid", "is_paid", _PAID),
    _missing("is_paid", "t_paid"),
    _lost("created_at", "INVALID_TIMESTAMP_FORMAT", "is not a point in time", "t_created", "created_at",
          _CREATED),
    _missing("created_at", "t_created"),
    Rule("due_after_invoice", "RULE_FAILED", "is due before it was written", "due_date < invoice_date",
         f"concat_ws(', ', 'Invoice Date=' || {_DATE}, 'Due Date=' || {_DUE})"),
)  # fmt: skip

#: seed -> (key text, {column of the row: column of the seed})
LOOKUPS = {
    "countries": (
        "t_country",
        {"country_iso3": "iso3", "country_name": "name", "region": "region"},
    ),
    "currencies": ("t_currency", {"currency": "code"}),
    "products": ("t_product", {"product_code": "code", "product_category": "category"}),
    "tax_codes": ("t_tax", {"tax_rate": "rate"}),
}

#: One bit for each broken rule: the cheapest thing to carry, decoded for bad rows only.
BITS = " + ".join(
    f"(CASE WHEN {r.broken} THEN {1 << i}::BIGINT ELSE 0 END)" for i, r in enumerate(RULES)
)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _error(bit: int, rule: Rule) -> str:
    return (
        f"CASE WHEN bits & {1 << bit} <> 0 THEN {{'field': {_quoted(rule.field)}, 'code': {_quoted(rule.code)}, "
        f"'message': {_quoted(rule.message)}, 'value': CAST({rule.value} AS VARCHAR)}} END"
    )


ERRORS = f"list_filter([{', '.join(_error(i, r) for i, r in enumerate(RULES))}], lambda e: e IS NOT NULL)"
ORIGINAL = (
    "CAST(json_object("
    + ", ".join(f"{_quoted(name)}, {raw}" for name, raw in zip(COLUMNS, RAW, strict=True))
    + ") AS VARCHAR)"
)
