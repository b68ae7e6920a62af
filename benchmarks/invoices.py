"""Write invoices as messy as real ones: seeded, so that the same seed gives the same bytes anywhere.

All chance comes from one mixing function in integer arithmetic, not from the engine's ``hash``, which
is its own business in each release. About 4 % of the rows are bad, most in one way, some in several.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

SEED = 42
_PRIME = 2147483647  # 2**31 - 1, so that a product of two remainders fits a BIGINT

#: One independent number from 0 to 999,999 a row, by the name the query uses.
_DRAWS = """
    issue_day due_days id_fault date_fault date_blank date_form bad_date due_fault due_early due_blank
    due_form bad_due cust_blank cust_fault cust_pad cust name_blank name_spaces name_quotes name_a
    name_b name_c mail_fault mail_blank mail_upper phone_blank phone_form phone_a phone_b house street
    city_upper city postal land_fault land_blank land_lower land money_fault money prod_fault prod_blank
    prod qty_fault qty_negative qty_blank qty price_fault price_blank price_comma price disc_fault
    disc_blank disc tax_fault tax state_fault state paid_fault paid time_fault time_form time note_two
    note_blank note repeat id_blank
""".split()


def _mix(x: str) -> str:
    return f"(xor({x}, ({x}) >> 15) * 1103515245 % {_PRIME})"


def _draws(seed: int) -> str:
    """Three rounds of xor-shift and multiply; columns are {_PRIME}-apart streams of one sequence."""
    streams = []
    for k, name in enumerate(_DRAWS):
        start = (seed * 7919 + k * 104_729_003 + 12345) % _PRIME
        first = f"((i * 48271 + {start}) % {_PRIME})"
        streams.append(f"{_mix(_mix(_mix(first)))} % 1000000 AS {name}")
    return ", ".join(streams)


def _pick(draw: str, *choices: str) -> str:
    quoted = ", ".join("'" + c.replace("'", "''") + "'" for c in choices)
    return f"([{quoted}])[1 + {draw} % {len(choices)}]"


def _written(day: str, form: str) -> str:
    """A date as people write it: three in four ISO, the rest in four other formats."""
    return (
        f"CASE {form} % 20 WHEN 0 THEN strftime({day}, '%d/%m/%Y') WHEN 1 THEN strftime({day}, '%d/%m/%Y') "
        f"WHEN 2 THEN strftime({day}, '%d.%m.%Y') WHEN 3 THEN strftime({day}, '%Y%m%d') "
        f"WHEN 4 THEN strftime({day}, '%-d %b %Y') ELSE strftime({day}, '%Y-%m-%d') END"
    )


def _grouped(cents: str) -> str:
    """Cents as 1,234.56, by integer arithmetic."""
    whole, rest = f"({cents} // 100)", f"lpad(CAST({cents} % 100 AS VARCHAR), 2, '0')"
    thousands = f"{whole} // 1000 || ',' || lpad(CAST({whole} % 1000 AS VARCHAR), 3, '0')"
    return f"CASE WHEN {whole} < 1000 THEN CAST({whole} AS VARCHAR) ELSE {thousands} END || '.' || {rest}"


_NUMBER = "lpad(CAST({0} AS VARCHAR), 8, '0')"
_CUSTOMER = "'C' || lpad(CAST(cust % 200000 AS VARCHAR), 7, '0')"
_COUNTRY = (
    "chr(CAST(65 + land % 250 // 26 AS INTEGER)) || chr(CAST(65 + land % 250 % 26 AS INTEGER))"
)
_CURRENCY = "chr(CAST(65 + money % 150 // 26 AS INTEGER)) || chr(CAST(65 + money % 150 % 26 AS INTEGER)) || 'X'"

#: Column -> how it is written. ``CASE WHEN x < 1500`` is 0.15 % of the rows.
_COLUMNS = {
    "Invoice No": "CASE WHEN id_blank < 1000 THEN '' WHEN id_fault < 1500 THEN 'INV/' || i "
    f"WHEN repeat < 200 THEN 'INV-' || year(day) || '-' || {_NUMBER.format('i // 2 * 2')} "
    f"ELSE 'INV-' || year(day) || '-' || {_NUMBER.format('i')} END",
    "Invoice Date": "CASE WHEN date_fault < 1500 THEN "
    + _pick("bad_date", "n/a", "2024-13-45", "31/02/2023", "yesterday", "03/04/24")
    + f" WHEN date_blank < 1000 THEN '' ELSE {_written('day', 'date_form')} END",
    "Due Date": f"CASE WHEN due_fault < 1500 THEN {_pick('bad_due', 'TBD', '2023-02-30', '99.99.2020')} "
    "WHEN due_early < 1500 THEN strftime(day - 40, '%Y-%m-%d') WHEN due_blank < 100000 THEN '' "
    f"ELSE {_written('due', 'due_form')} END",
    "Customer ID": "CASE WHEN cust_blank < 1500 THEN '' WHEN cust_fault < 1000 THEN 'C-unknown' "
    f"WHEN cust_pad < 100000 THEN ' ' || {_CUSTOMER} || ' ' ELSE {_CUSTOMER} END",
    "Customer Name": "CASE WHEN name_blank < 1500 THEN '   ' WHEN name_spaces < 50000 THEN '  ' || "
    + _pick("name_a", "Müller", "Smith", "Dupont", "Rossi", "García", "O'Brien")
    + " || ' &  Sons,  Ltd.  ' WHEN name_quotes < 20000 THEN '\"' || "
    + _pick("name_a", "Best", "Prime", "Global")
    + " || '\" Trading ' || (name_b % 5000) ELSE "
    + _pick(
        "name_a", "Acme", "Globex", "Initech", "Umbrella", "Stark", "Wayne", "Hooli", "Vehement"
    )
    + " || ' ' || "
    + _pick("name_b", "GmbH", "Ltd", "Inc", "SARL", "S.p.A.", "KG")
    + " || ' ' || (name_c % 20000) END",
    "E-Mail": "CASE WHEN mail_fault < 2500 THEN 'not-an-email' WHEN mail_blank < 50000 THEN '' "
    "WHEN mail_upper < 100000 THEN 'User' || (cust % 200000) || '@Example.COM' "
    "ELSE 'user' || (cust % 200000) || '@example.com' END",
    "Phone": "CASE WHEN phone_blank < 80000 THEN '' WHEN phone_form < 300000 "
    "THEN '+49 (' || (phone_a % 900 + 100) || ') ' || phone_b "
    "ELSE '0' || (phone_a % 900 + 100) || '/' || phone_b END",
    "Street": "(house % 400 + 1) || ' ' || "
    + _pick("street", "Main Street", "Hauptstr.", "Rue de la Paix", "Via Roma", "Oak Ave, Apt 4"),
    "City": "CASE WHEN city_upper < 30000 THEN upper(town) ELSE town END",
    "Postal Code": "lpad(CAST(postal % 99999 AS VARCHAR), 5, '0')",
    "Country": "CASE WHEN land_fault < 2000 THEN '??' WHEN land_blank < 1000 THEN '' "
    f"WHEN land_lower < 50000 THEN lower({_COUNTRY}) || ' ' ELSE {_COUNTRY} END",
    "Currency": f"CASE WHEN money_fault < 2000 THEN 'ZZZ' ELSE {_CURRENCY} END",
    "Product": "CASE WHEN prod_fault < 2000 THEN 'P99999' WHEN prod_blank < 500 THEN '' "
    "ELSE 'P' || lpad(CAST(prod % 5000 AS VARCHAR), 5, '0') END",
    "Qty": f"CASE WHEN qty_fault < 1500 THEN {_pick('qty', '12a', 'ten', '-', '1.5')} "
    "WHEN qty_negative < 1000 THEN '-5' WHEN qty_blank < 500 THEN '' "
    "ELSE CAST(qty % 500 + 1 AS VARCHAR) END",
    "Unit Price": f"CASE WHEN price_fault < 2000 THEN {_pick('price', 'abc', '1.2.3', '1,23,4')} "
    f"WHEN price_blank < 500 THEN '' WHEN price_comma < 200000 THEN {_grouped('(price + 1)')} "
    "ELSE (price + 1) // 100 || '.' || lpad(CAST((price + 1) % 100 AS VARCHAR), 2, '0') END",
    "Discount": "CASE WHEN disc_fault < 1500 THEN '150%' WHEN disc_blank < 700000 THEN '' "
    "ELSE (disc % 30) || '%' END",
    "Tax Code": f"CASE WHEN tax_fault < 2000 THEN 'Q' ELSE {_pick('tax', 'S', 'S', 'S', 'R', 'Z', 'X')} END",
    "Status": "CASE WHEN state_fault < 2500 THEN 'weird' ELSE "
    + _pick("state", "P", "O", "C", "paid", "open", "Cancelled")
    + " END",
    "Paid": "CASE WHEN paid_fault < 2000 THEN 'maybe' ELSE "
    + _pick("paid", "Y", "N", "true", "false", "1", "0")
    + " END",
    "Created At": "CASE WHEN time_fault < 2000 THEN 'not a ts' WHEN time_form < 300000 "
    "THEN strftime(moment, '%Y-%m-%dT%H:%M:%S') ELSE strftime(moment, '%Y-%m-%d %H:%M:%S') END",
    "Notes": "CASE WHEN note_two < 2000 THEN 'line one' || chr(10) || 'line two; said \"ok\"' "
    "WHEN note_blank < 600000 THEN '' ELSE 'order ref ' || (note * 89 % 100000000) || ', batch ' "
    "|| (name_b % 1000) END",
}
COLUMNS = tuple(_COLUMNS)

_TOWNS = _pick("city", "Berlin", "Paris", "Roma", "London", "Wien", "Zürich", "Lyon")


def _query(first: int, rows: int, seed: int) -> str:
    written = ", ".join(f'{sql} AS "{name}"' for name, sql in _COLUMNS.items())
    return (
        f"WITH drawn AS (SELECT i, {_draws(seed)} FROM range({first}, {first + rows}) AS t(i)), "
        "placed AS (SELECT *, DATE '2019-01-01' + CAST(issue_day % 2190 AS INTEGER) AS day, "
        f"{_TOWNS} AS town FROM drawn), "
        "dated AS (SELECT *, day + CAST(due_days % 60 AS INTEGER) AS due, "
        "CAST(day AS TIMESTAMP) + to_seconds(time % 86400) AS moment FROM placed) "
        f"SELECT {written} FROM dated ORDER BY i"
    )


def write_invoices(path: Path, rows: int, *, first: int = 0, seed: int = SEED) -> Path:
    """Invoices number ``first`` to ``first + rows - 1`` as CSV; an existing file is kept."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    half_done = path.with_suffix(".part")
    import duckdb  # here, so that a contender without DuckDB can read COLUMNS

    with duckdb.connect() as con:
        con.execute("SET preserve_insertion_order = true")
        target = str(half_done).replace("'", "''")
        con.execute(f"COPY ({_query(first, rows, seed)}) TO '{target}' (FORMAT csv, HEADER)")
    half_done.replace(path)
    return path


_SEED_FILES = {
    "countries": "SELECT chr(CAST(65 + i // 26 AS INTEGER)) || chr(CAST(65 + i % 26 AS INTEGER)) AS code, "
    "code || chr(CAST(65 + i * 7 % 26 AS INTEGER)) AS iso3, 'Country ' || i AS name, "
    "(['EMEA', 'APAC', 'AMER', 'LATAM'])[1 + i % 4] AS region FROM range(250) AS t(i)",
    "currencies": "SELECT chr(CAST(65 + i // 26 AS INTEGER)) || chr(CAST(65 + i % 26 AS INTEGER)) || 'X' "
    "AS code, 'Currency ' || i AS name FROM range(150) AS t(i)",
    "products": "SELECT 'P' || lpad(CAST(i AS VARCHAR), 5, '0') AS code, "
    "(['Hardware', 'Software', 'Service', 'Consumable', 'Spare part'])[1 + i % 5] AS category, "
    "'Product ' || i AS name FROM range(5000) AS t(i)",
    "tax_codes": "SELECT * FROM (VALUES ('S', '0.1900'), ('R', '0.0700'), ('Z', '0.0000'), ('X', '0.0000')) "
    "AS t(code, rate)",
}


def write_seeds(folder: Path) -> None:
    """The reference data of the flow; committed beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    import duckdb

    with duckdb.connect() as con:
        for name, query in _SEED_FILES.items():
            target = str(folder / f"{name}.csv").replace("'", "''")
            con.execute(f"COPY ({query}) TO '{target}' (FORMAT csv, HEADER)")


def main() -> None:
    """Write a file and print its MD5."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("path", type=Path)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--seed", type=int, default=SEED)
    given = arguments.parse_args()
    path = write_invoices(given.path, given.rows, seed=given.seed)
    with path.open("rb") as file:
        print(path, hashlib.file_digest(file, "md5").hexdigest())


if __name__ == "__main__":
    main()
