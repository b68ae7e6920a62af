"""Which column a field comes from, on samples as people bring them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from lume_dagster.errors import MissingExtraError
from lume_dagster.flows.schema import TargetSchema
from lume_dagster.mapper.embedding import load_embedding
from lume_dagster.mapper.knowledge import default_knowledge
from lume_dagster.mapper.match import match
from lume_dagster.mapper.match.calibrate import load_calibration
from lume_dagster_tests.mapper.samples import sample_of, sample_of_text

CUSTOMERS = (
    "cust_nm,dob,ctry,tot,art\n"
    "Anna Meier,3.4.1980,CH,12.50,AB-1234\n"
    "Ben Li,5.6.1990,DE,99.90,ZZ-9999\n"
    "Cy Fox,7.8.1970,FR,1.20,QQ-1111\n"
)
FIELDS = {
    "customer_name": {"type": "string", "description": "Full name of the customer"},
    "date_of_birth": {"type": "string", "format": "date"},
    "country": {"type": "string", "enum": ["CH", "DE", "FR"]},
    "order_total": {"type": "number", "minimum": 0},
    "sku": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{4}$", "examples": ["AB-1234"]},
}


def schema_of(**properties):
    return TargetSchema.parse({"type": "object", "properties": properties})


def columns(matches):
    return {each.field: each.column for each in matches}


def test_short_forms_find_their_fields(tmp_path):
    found = columns(match(sample_of_text(tmp_path, CUSTOMERS), schema_of(**FIELDS)))
    assert found == {
        "customer_name": "cust_nm",
        "date_of_birth": "dob",
        "country": "ctry",
        "order_total": "tot",
        "sku": "art",
    }


def test_there_is_one_match_a_leaf_in_the_order_of_the_schema(tmp_path):
    schema = schema_of(
        zip={"type": "string"},
        home={"type": "object", "properties": {"street": {"type": "string"}}},
        lines={
            "type": "array",
            "items": {"type": "object", "properties": {"qty": {"type": "integer"}}},
        },
        tags={"type": "array", "items": {"type": "string"}},
        a={"type": "string"},
    )
    found = match(sample_of_text(tmp_path, CUSTOMERS), schema)
    assert [m.field for m in found] == ["zip", "home.street", "lines", "lines[].qty", "tags", "a"]


def test_a_field_that_nothing_fits_has_no_column(tmp_path):
    schema = schema_of(**FIELDS, favourite_dinosaur={"type": "string"})
    *_, last = match(sample_of_text(tmp_path, CUSTOMERS), schema)
    assert last.column is None
    assert last.probability < 0.5
    assert "no column is likely enough" in last.reasons[0]


def test_reasons_are_sentences_that_name_what_was_seen(tmp_path):
    found = {m.field: m for m in match(sample_of_text(tmp_path, CUSTOMERS), schema_of(**FIELDS))}
    assert found["customer_name"].reasons[0] == "the names agree (cust_nm = customer name)"
    assert "100 % of the values fit the pattern" in found["sku"].reasons


def test_alternatives_are_other_columns_from_likely_to_unlikely(tmp_path):
    for each in match(sample_of_text(tmp_path, CUSTOMERS), schema_of(**FIELDS)):
        likely = [other.probability for other in each.alternatives]
        assert likely == sorted(likely, reverse=True)
        assert 3 <= len(likely) <= 5
        assert each.column not in {other.column for other in each.alternatives}


def test_no_column_is_used_twice(tmp_path):
    schema = schema_of(name={"type": "string"}, customer_name={"type": "string"})
    found = [c for c in columns(match(sample_of_text(tmp_path, CUSTOMERS), schema)).values() if c]
    assert len(found) == len(set(found))


def test_placeholder_headers_fall_back_on_the_values(tmp_path):
    text = "\n".join(["c1,c2,c3,c4,c5", *CUSTOMERS.splitlines()[1:]]) + "\n"
    found = columns(match(sample_of_text(tmp_path, text), schema_of(**FIELDS)))
    assert found["country"] == "c3"
    assert found["sku"] == "c5"
    assert found["customer_name"] in {"c1", None}
    assert found["date_of_birth"] in {"c2", None}


def test_places_in_objects_and_lists_find_theirs(tmp_path):
    record = {
        "buyer": "Anna Meier",
        "ship_to": {"town": "Zurich", "addr": "Main 1"},
        "bill_to": {"town": "Bern", "addr": "Mill 2"},
        "items": [{"article": "AB-1", "quantity": 2}],
        "payments": [{"amount": 2, "at": "2024-01-01"}],
    }
    schema = schema_of(
        shipping={
            "type": "object",
            "properties": {"city": {"type": "string"}, "street": {"type": "string"}},
        },
        lines={
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"sku": {"type": "string"}, "qty": {"type": "integer"}},
            },
        },
    )
    found = {m.field: m for m in match(sample_of(tmp_path, [record] * 4), schema)}
    assert found["shipping.city"].column == "ship_to.town"
    assert found["shipping.street"].column == "ship_to.addr"
    assert found["lines[].qty"].column == "items[].quantity"
    best = found["lines"].column or found["lines"].alternatives[0].column
    assert best == "items"


def test_what_a_person_has_matched_before_is_matched_again(tmp_path):
    sample = sample_of_text(tmp_path, "qx17,amount\nAnna,1\nBen,2\n")
    schema = schema_of(customer={"type": "object", "properties": {"name": {"type": "string"}}})
    before = match(sample, schema)[0]
    knowledge = default_knowledge().remembering([("QX17", "customer.name")])
    after = match(sample, schema, knowledge=knowledge)[0]
    assert before.column is None
    assert (after.column, after.probability >= 0.99) == ("qx17", True)
    assert "matched before" in after.reasons[0]
    assert before.made_by != after.made_by


# -- as people bring them -------------------------------------------------------------------------


def test_names_that_agree_are_sure_in_a_small_schema(tmp_path):
    text = "first_name,Amount,created_at\nAnn,12.50,2024-03-01\nBo,99.90,2024-03-02\n"
    found = match(
        sample_of_text(tmp_path, text),
        schema_of(
            firstName={"type": "string"}, amount={"type": "number"}, created_at={"type": "string"}
        ),
    )
    assert all(each.probability >= 0.95 for each in found)


def test_one_field_that_nothing_speaks_for_has_no_column(tmp_path):
    (found,) = match(sample_of_text(tmp_path, CUSTOMERS), schema_of(iban={"type": "string"}))
    assert found.column is None


def test_a_year_is_the_year_of_manufacture(tmp_path):
    text = "tailnum,year,seats\nN10156,2004,55\nN102UW,1998,182\n"
    built = {"type": "integer", "description": "year of manufacture"}
    found = match(sample_of_text(tmp_path, text), schema_of(built=built, seats={"type": "integer"}))
    assert columns(found) == {"built": "year", "seats": "seats"}


def test_a_column_that_alone_has_the_format_is_likely_without_a_name(tmp_path):
    text = "col1,col2\n1,a@b.org\n2,c@d.org\n"
    found = match(
        sample_of_text(tmp_path, text), schema_of(mail={"type": "string", "format": "email"})
    )
    assert found[0].column == "col2"


# -- bad input ------------------------------------------------------------------------------------


def test_a_sample_without_rows_is_matched_by_its_names(tmp_path):
    found = match(sample_of_text(tmp_path, CUSTOMERS.splitlines()[0] + "\n"), schema_of(**FIELDS))
    assert columns(found)["customer_name"] == "cust_nm"
    assert "the column has no values in the sample" in found[0].reasons


def test_an_empty_file_gives_no_match_and_says_why(tmp_path):
    found = match(sample_of_text(tmp_path, ""), schema_of(**FIELDS))
    assert set(columns(found).values()) == {None}
    assert all(m.reasons == ("the sample has no columns",) for m in found)


def test_one_record_is_enough_for_names(tmp_path):
    found = columns(
        match(
            sample_of(tmp_path, [{"email": "a@b.ch"}]),
            schema_of(mail={"type": "string"}, age={"type": "integer"}),
        )
    )
    assert found == {"mail": "email", "age": None}


def test_a_column_that_is_all_null_is_no_sure_match_for_another_name(tmp_path):
    sample = sample_of_text(tmp_path, "empty,city\n,Bern\n,Genf\n")
    found = match(sample, schema_of(weight={"type": "number"}, city={"type": "string"}))
    assert columns(found) == {"weight": None, "city": "city"}


def test_headers_that_are_double_each_keep_their_own_path(tmp_path):
    sample = sample_of_text(tmp_path, "name,name,city\nAnna,Meier,Bern\nBen,Li,Genf\n")
    found = columns(match(sample, schema_of(city={"type": "string"}, name={"type": "string"})))
    assert found["city"] == "city"
    assert found["name"] in {None, *(c.path for c in sample.columns if "name" in c.path)}


def test_names_in_other_scripts_are_matched_by_what_they_share(tmp_path):
    sample = sample_of_text(
        tmp_path, "名前,город,émail\nアンナ,Москва,a@b.ch\nベン,Казань,c@d.ch\n"
    )
    schema = schema_of(город={"type": "string"}, 名前={"type": "string"}, email={"type": "string"})
    assert columns(match(sample, schema)) == {"город": "город", "名前": "名前", "email": "émail"}


def test_strangers_are_never_a_sure_match(tmp_path):
    sample = sample_of_text(tmp_path, "zebra,quartz\nstriped,7\nplain,9\n")
    schema = schema_of(invoice_date={"type": "string", "format": "date"}, iban={"type": "string"})
    assert all(m.column is None and m.probability < 0.5 for m in match(sample, schema))


def test_a_schema_without_fields_has_no_matches(tmp_path):
    assert match(sample_of_text(tmp_path, CUSTOMERS), TargetSchema(())) == ()


def test_two_thousand_columns_are_answered(tmp_path):
    names = [f"measure_{n}" for n in range(1_999)] + ["customer_email"]
    sample = sample_of_text(
        tmp_path, ",".join(names) + "\n" + ",".join(["1"] * 1_999 + ["a@b.ch"]) + "\n"
    )
    found = columns(
        match(
            sample, schema_of(email={"type": "string", "format": "email"}, plan={"type": "string"})
        )
    )
    assert found == {"email": "customer_email", "plan": None}


# -- the same again -------------------------------------------------------------------------------


def test_the_same_input_gives_the_same_bytes_in_another_process(tmp_path):
    sample_of_text(tmp_path, CUSTOMERS)
    program = (
        "import json, sys; from dataclasses import asdict; from pathlib import Path\n"
        "from lume_dagster.flows.schema import TargetSchema; from lume_dagster.mapper.match import match\n"
        "from lume_dagster_tests.mapper.samples import sample_of_text\n"
        "schema = TargetSchema.parse(json.loads(sys.argv[2]))\n"
        "found = match(sample_of_text(Path(sys.argv[1]), sys.argv[3], 'again.csv'), schema)\n"
        "print(json.dumps([asdict(m) for m in found]))"
    )
    schema = json.dumps({"type": "object", "properties": FIELDS})
    root = Path(__file__).parents[3]
    texts = {
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / seed), schema, CUSTOMERS],
            capture_output=True, text=True, check=True, cwd=root,
            env={"PYTHONHASHSEED": seed, "OPENBLAS_NUM_THREADS": seed},
        ).stdout
        for seed in ("1", "2")
        if (tmp_path / seed).mkdir() is None
    }  # fmt: skip
    here = match(sample_of_text(tmp_path, CUSTOMERS, "here.csv"), schema_of(**FIELDS))
    assert texts == {json.dumps([asdict(m) for m in here]) + "\n"}


def test_made_by_names_the_tables_that_were_used(tmp_path):
    (found,) = match(sample_of_text(tmp_path, "a\n1\n"), schema_of(b={"type": "string"}))
    digests = (load_embedding().digest, load_calibration().digest, default_knowledge().digest)
    assert all(digest in found.made_by for digest in digests)


def test_without_the_extra_there_is_a_sentence():
    program = (
        "import sys; sys.modules['rapidfuzz'] = None\n"
        "from lume_dagster.errors import MissingExtraError; from lume_dagster.mapper.match import match\n"
        "try: match(None, None)\n"
        "except MissingExtraError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "lume-dagster[mapper]" in done.stdout
    assert issubclass(MissingExtraError, Exception)
