"""The invoice job by hand in Polars: one streaming pass that writes mapped rows and rejects."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import polars as pl
from polars import col

from benchmarks.invoices import COLUMNS
from benchmarks.invoices_sql import LOOKUPS, RAW, RULES, TARGET
from benchmarks.outcome import report

(
    _ID, _DATE, _DUE, _CUSTOMER, _NAME, _EMAIL, _PHONE, _STREET, _CITY, _POSTAL, _COUNTRY, _CURRENCY,
    _PRODUCT, _QTY, _PRICE, _DISCOUNT, _TAX, _STATUS, _PAID, _CREATED, _NOTES,
) = RAW  # fmt: skip

_DATES = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%Y%m%d", "%d %b %Y")
_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")
_STATES = {
    "p": "PAID",
    "paid": "PAID",
    "o": "OPEN",
    "open": "OPEN",
    "c": "CANCELLED",
    "cancelled": "CANCELLED",
}
_CENT = pl.lit("0.01").cast(pl.Decimal(3, 2))


def _filled(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)


def _trimmed(column: str) -> pl.Expr:
    return col(column).str.strip_chars()


def _date(text: str) -> pl.Expr:
    tried = [col(text).str.to_date(f, strict=False, exact=True) for f in _DATES]
    day = pl.coalesce(tried)
    return pl.when(day >= pl.date(1000, 1, 1)).then(day)


def _written(text: str, pattern: str, value: pl.Expr) -> pl.Expr:
    return pl.when(col(text).str.contains(f"^(?:{pattern})$")).then(value)


_CLEAN = {
    "t_id": _filled(_trimmed(_ID)),
    "t_date": _filled(_trimmed(_DATE)),
    "t_due": _filled(_trimmed(_DUE)),
    "t_customer": _filled(_trimmed(_CUSTOMER)),
    "t_name": _filled(col(_NAME).str.replace_all(r"\s+", " ").str.strip_chars()),
    "t_email": _filled(_trimmed(_EMAIL).str.to_lowercase()),
    "t_country": _filled(_trimmed(_COUNTRY).str.to_uppercase()),
    "t_currency": _filled(_trimmed(_CURRENCY).str.to_uppercase()),
    "t_product": _filled(_trimmed(_PRODUCT)),
    "t_qty": _filled(_trimmed(_QTY)),
    "t_price": _filled(_trimmed(_PRICE)),
    "t_discount": _filled(_trimmed(_DISCOUNT).str.replace_all("%", "", literal=True)),
    "t_tax": _filled(_trimmed(_TAX)),
    "t_status": _filled(_trimmed(_STATUS).str.to_lowercase()),
    "t_paid": _filled(_trimmed(_PAID).str.to_lowercase()),
    "t_created": _filled(_trimmed(_CREATED)),
}

_TYPED = {
    "invoice_id": col("t_id"),
    "invoice_date": _date("t_date"),
    "due_date": _date("t_due"),
    "customer_id": col("t_customer").str.extract("^C([0-9]{7})$", 1).cast(pl.Int64, strict=False),
    "customer_name": col("t_name"),
    "email": col("t_email"),
    "phone": _filled(col(_PHONE).str.replace_all("[^0-9+]", "")),
    "address": pl.concat_str(
        [_filled(_trimmed(_STREET)), _trimmed(_POSTAL) + " " + _trimmed(_CITY)], separator=", ", ignore_nulls=True
    ),
    "qty": _written("t_qty", "[+-]?[0-9]{1,9}", col("t_qty").cast(pl.Int64, strict=False)),
    "price": _written(
        "t_price",
        r"[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]{1,2})?",
        col("t_price").str.replace_all(",", "", literal=True).cast(pl.Decimal(18, 2), strict=False),
    ),
    "percent": _written(
        "t_discount", r"[+-]?[0-9]+(\.[0-9]{1,4})?", col("t_discount").cast(pl.Decimal(18, 4), strict=False)
    ),
    "status": col("t_status").replace_strict(_STATES, default=None, return_dtype=pl.String),
    "is_paid": pl.when(col("t_paid").is_in(["y", "yes", "true", "1"])).then(statement=True)
    .when(col("t_paid").is_in(["n", "no", "false", "0"])).then(statement=False),
    "created_at": pl.coalesce(
        [col("t_created").str.to_datetime(f, strict=False, time_unit="us") for f in _TIMES]
    ),
    "notes": _filled(_trimmed(_NOTES)),
}  # fmt: skip

#: Decimal products are rounded on the way here, so money is counted in whole hundredths: 1e-8 and 1e-12.
_NET = (
    col("qty").cast(pl.Int128)
    * (col("price") * 100).cast(pl.Int128)
    * (1_000_000 - (col("percent").fill_null(0) * 10_000).cast(pl.Int128))
)
_GROSS = _NET * (10_000 + (col("tax_rate") * 10_000).cast(pl.Int128))


def _cents(amount: pl.Expr, unit: int) -> pl.Expr:
    """Good rows hold no negative amount, so half up is half away from zero."""
    return (((amount + unit // 2) // unit).cast(pl.Int64).cast(pl.Decimal(20, 0)) * _CENT).cast(
        pl.Decimal(18, 2)
    )


_AMOUNTS = {"net_amount": _cents(_NET, 10**6), "gross_amount": _cents(_GROSS, 10**10)}
_RENAMED = {"quantity": "qty", "unit_price": "price", "discount": "percent"}


def _lost(before: str, after: str) -> pl.Expr:
    return col(before).is_not_null() & col(after).is_null()


#: (field, code) -> when it is broken, and what is shown.
_BROKEN: dict[tuple[str, str], tuple[pl.Expr, pl.Expr]] = {
    ("invoice_id", "PATTERN_MISMATCH"): (~col("t_id").str.contains("^INV-[0-9]{4}-[0-9]{8}$"), col("t_id")),
    ("invoice_date", "INVALID_DATE_FORMAT"): (_lost("t_date", "invoice_date"), col(_DATE)),
    ("due_date", "INVALID_DATE_FORMAT"): (_lost("t_due", "due_date"), col(_DUE)),
    ("customer_id", "INVALID_INTEGER"): (_lost("t_customer", "customer_id"), pl.lit("")),
    ("customer_name", "TOO_LONG"): (col("t_name").str.len_chars() > 60, col("t_name")),
    ("email", "PATTERN_MISMATCH"): (
        ~col("t_email").str.contains(r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$"), col("t_email"),
    ),
    ("country_iso3", "LOOKUP_NOT_FOUND"): (_lost("t_country", "country_iso3"), col("t_country")),
    ("currency", "LOOKUP_NOT_FOUND"): (_lost("t_currency", "currency"), col("t_currency")),
    ("product_code", "LOOKUP_NOT_FOUND"): (_lost("t_product", "product_code"), col("t_product")),
    ("quantity", "INVALID_INTEGER"): (_lost("t_qty", "qty"), col(_QTY)),
    ("quantity", "BELOW_MINIMUM"): (col("qty") < 1, col("qty").cast(pl.String)),
    ("quantity", "ABOVE_MAXIMUM"): (col("qty") > 100_000, col("qty").cast(pl.String)),
    ("unit_price", "INVALID_NUMBER"): (_lost("t_price", "price"), col(_PRICE)),
    ("unit_price", "BELOW_MINIMUM"): (col("price") < 0, col("price").cast(pl.String)),
    ("discount", "INVALID_NUMBER"): (_lost("t_discount", "percent"), col("t_discount")),
    ("discount", "BELOW_MINIMUM"): (col("percent") < 0, col("percent").cast(pl.String)),
    ("discount", "ABOVE_MAXIMUM"): (col("percent") > 100, col("percent").cast(pl.String)),
    ("tax_rate", "LOOKUP_NOT_FOUND"): (_lost("t_tax", "tax_rate"), col("t_tax")),
    ("status", "NOT_IN_CODE_LIST"): (_lost("t_status", "status"), col(_STATUS)),
    ("is_paid", "INVALID_BOOLEAN"): (_lost("t_paid", "is_paid"), col(_PAID)),
    ("created_at", "INVALID_TIMESTAMP_FORMAT"): (_lost("t_created", "created_at"), col(_CREATED)),
    ("due_after_invoice", "RULE_FAILED"): (
        col("due_date") < col("invoice_date"),
        pl.concat_str([pl.lit("Invoice Date="), col(_DATE), pl.lit(", Due Date="), col(_DUE)]),
    ),
    **{
        (field, "MISSING_REQUIRED_FIELD"): (col(text).is_null(), pl.lit(None, dtype=pl.String))
        for field, text in {
            "invoice_id": "t_id", "invoice_date": "t_date", "customer_id": "t_customer",
            "customer_name": "t_name", "country_iso3": "t_country", "currency": "t_currency",
            "product_code": "t_product", "quantity": "t_qty", "unit_price": "t_price", "tax_rate": "t_tax",
            "status": "t_status", "is_paid": "t_paid", "created_at": "t_created",
        }.items()
    },
}  # fmt: skip


def _bits() -> pl.Expr:
    zero = pl.lit(0, dtype=pl.Int64)
    parts = [
        pl.when(_BROKEN[rule.field, rule.code][0])
        .then(pl.lit(1 << i, dtype=pl.Int64))
        .otherwise(zero)
        for i, rule in enumerate(RULES)
    ]
    return pl.sum_horizontal(parts)


def _errors() -> pl.Expr:
    parts = [
        pl.when(col("bits") & (1 << i) != 0).then(
            pl.struct(
                field=pl.lit(rule.field),
                code=pl.lit(rule.code),
                message=pl.lit(rule.message),
                value=_BROKEN[rule.field, rule.code][1],
            )
        )
        for i, rule in enumerate(RULES)
    ]
    return pl.concat_list(parts).list.drop_nulls()


def _scan(source: Path) -> pl.LazyFrame:
    if source.is_dir():
        part = source / "part-0000.parquet"
        return pl.scan_parquet(part, row_index_name="_lume_row", row_index_offset=1)
    schema = dict.fromkeys(COLUMNS, pl.String)
    read = pl.scan_csv(source, schema=schema, row_index_name="_lume_row", row_index_offset=1)
    return read.rename(dict(zip(COLUMNS, RAW, strict=True)))


def _look_up(seeds: Path) -> dict[str, pl.Expr]:
    found = {}
    for seed, (key, columns) in LOOKUPS.items():
        table = pl.read_csv(seeds / f"{seed}.csv", infer_schema=False)
        if table["code"].n_unique() != len(table):
            raise ValueError(f"{seed}: a key occurs more than once")
        for name, column in columns.items():
            value = col(key).replace_strict(
                table["code"], table[column], default=None, return_dtype=pl.String
            )
            found[name] = value.cast(pl.Decimal(18, 4)) if column == "rate" else value
    return found


def transform(source: Path, out: Path, seeds: Path) -> None:
    """Write ``mapped.parquet`` and ``rejects.parquet`` in one pass."""
    judged = (
        _scan(source)
        .with_columns(**_CLEAN)
        .with_columns(**_TYPED, **_look_up(seeds))
        .with_columns(bits=_bits())
    )
    mapped = (
        judged.filter(col("bits") == 0)
        .with_columns(**_AMOUNTS)
        .select("_lume_row", *[col(_RENAMED.get(name, name)).alias(name) for name in TARGET])
    )
    original = pl.struct([col(raw).alias(name) for name, raw in zip(COLUMNS, RAW, strict=True)])
    rejects = judged.filter(col("bits") != 0).select(
        "_lume_row",
        pl.lit(source.as_uri()).alias("_lume_file"),
        col("_lume_row").alias("_lume_file_row"),
        original.struct.json_encode().alias("original"),
        _errors().alias("errors"),
    )
    sinks = [
        mapped.sink_parquet(out / "mapped.parquet", lazy=True, compression="snappy"),
        rejects.sink_parquet(out / "rejects.parquet", lazy=True, compression="snappy"),
    ]
    pl.collect_all(sinks, engine="streaming")


def _reasons(out: Path) -> pl.DataFrame:
    return (
        pl.scan_parquet(out / "rejects.parquet")
        .explode("errors")
        .unnest("errors")
        .group_by("field", "code")
        .agg(pl.len(), rows=col("_lume_row").head(5), values=col("value").head(5))
        .sort("field", "code")
        .collect()
    )


def main() -> None:
    """Run on one input, and say on the last line what came out."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "input", type=Path, help="a CSV file, or a folder with the staged Parquet"
    )
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--seeds", type=Path, required=True)
    given = arguments.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    transform(given.input, given.out, given.seeds)
    done = time.perf_counter()
    reasons = _reasons(given.out)
    codes = {f"{r['field']}:{r['code']}": r["len"] for r in reasons.iter_rows(named=True)}
    counts = {
        name: pl.scan_parquet(given.out / f"{name}.parquet").select(pl.len()).collect().item()
        for name in ("mapped", "rejects")
    }
    metrics = {"mapped": counts["mapped"], "rejected": counts["rejects"], "codes": codes}
    (given.out / "metrics.json").write_text(
        json.dumps({**metrics, "errors": reasons.to_dicts()}, indent=1)
    )
    report(**metrics, seconds={"transform": done - begun, "rest": time.perf_counter() - done})


if __name__ == "__main__":
    main()
