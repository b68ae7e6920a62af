"""What fields promise, and which columns keep it."""

from __future__ import annotations

import pytest

from lume_dagster.mapper.knowledge import default_knowledge
from lume_dagster.mapper.match import names
from lume_dagster.mapper.match.column import Column
from lume_dagster.mapper.match.core import default_maker, match_columns
from lume_dagster.mapper.match.senses import kept_senses
from lume_dagster.mapper.profile import profile

KNOWN = default_knowledge()
VALUES = {
    "date": ("2024-01-03", "2023-11-30", "2022-05-06"),
    "packed date": ("20240103", "20231130", "20220506"),
    "email": ("ann@example.com", "bo@example.org", "cy@example.net"),
    "person": ("Ann Meier", "Bo Li", "Cy Fox"),
    "street": ("12 Mill Road", "7 Lake Street", "155 Oak Lane"),
    "code": ("AB-0012", "AB-0913", "CX-7731"),
    "price": ("12.50", "3.99", "100.10"),
    "answer": ("yes", "no", "yes"),
    "place and code": ("10115", "20095", "80331"),
}


def kept(field, values):
    read = names.read_names([field.name], [field.path], KNOWN)
    share, told = kept_senses([profile(values)], [field], read, KNOWN)
    return float(share[0, 0]) if told[0, 0] else None


@pytest.mark.parametrize(
    ("field", "best"),
    [
        (Column("f", "birth_date", type="string"), {"date", "packed date"}),
        (Column("f", "endsOn", type="string"), {"date", "packed date"}),
        (Column("f", "to", description="Mail of whom to ask"), {"email"}),
        (Column("f", "buyer"), {"person"}),
        (Column("f", "buyer_id"), {"code"}),
        (Column("f", "address"), {"street"}),
        (Column("f", "postal_code"), {"place and code"}),
        (Column("f", "email_address"), {"email"}),
        (Column("customer.name", "name"), {"person"}),
        (Column("f", "fee", type="number"), {"price"}),
        (Column("f", "is_paid"), {"answer"}),
        (Column("f", "x", type="boolean"), {"answer"}),
        (Column("f", "x", type="string", format="email"), {"email"}),
    ],
)
def test_a_field_is_best_kept_by_values_of_its_kind(field, best):
    shares = {name: kept(field, values) for name, values in VALUES.items()}
    assert {name for name, share in shares.items() if share == max(shares.values())} == best


def test_a_field_that_promises_nothing_tells_nothing():
    assert kept(Column("f", "xyzzy", type="string"), VALUES["date"]) is None


def test_an_empty_column_tells_nothing():
    assert kept(Column("f", "birth_date"), (None, None)) is None


def test_columns_without_headers_find_their_fields_by_what_they_hold():
    source = [
        Column(f"col_{n}", f"col_{n}", values=VALUES[name] * 5)
        for n, name in enumerate(("street", "email", "person", "price"))
    ]
    target = [
        Column("total", "total", type="number"),
        Column("email", "email", type="string"),
        Column("buyer", "buyer", type="string"),
        Column("address", "address", type="string"),
    ]
    found = match_columns(source, target, default_maker())
    likeliest = [each.column or each.alternatives[0].column for each in found]
    assert likeliest == ["col_3", "col_1", "col_2", "col_0"]


def test_moments_may_be_counted_since_1970():
    seconds = ("1700000000", "1700000060", "1700000120")
    assert kept(Column("f", "measured_at", type="string", format="date-time"), seconds) > 0.7
    assert kept(Column("f", "measured_at"), ("17", "18", "19")) == 0


def test_a_column_that_breaks_the_promise_leaves_the_field_to_one_that_keeps_it():
    source = [
        Column("Name", "Name", values=("#1001", "#1002", "#1003")),
        Column("Billing Name", "Billing Name", values=VALUES["person"]),
    ]
    (found,) = match_columns(source, [Column("customer.name", "name")], default_maker())
    assert found.column != "Name" or found.probability < 0.9


def test_the_whole_name_of_a_field_goes_before_its_last_word():
    source = [
        Column("name", "name", values=("Lake view", "Old mill")),
        Column("host_name", "host_name", values=("Ann", "Bo")),
    ]
    (found,) = match_columns(source, [Column("host.name", "name", table="host")], default_maker())
    assert found.column == "host_name"
