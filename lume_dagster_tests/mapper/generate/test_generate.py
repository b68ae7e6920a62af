"""A whole mapping from a sample: what is proposed, what is left to a person, and that it runs."""

from __future__ import annotations

import pytest

from lume_dagster.flows.flow_file import parse
from lume_dagster.flows.schema import SchemaField, TargetSchema
from lume_dagster.flows.yaml_text import write_yaml
from lume_dagster.mapper.generate import Generator
from lume_dagster.mapper.nodes import complete
from lume_dagster.mapper.proposal import Beside, Decision, Verdict
from lume_dagster.mapper.review import Remembered
from lume_dagster_tests.mapper.samples import sample_of, sample_of_text, settings_of

TEXT = {"type": "string"}
CUSTOMERS = "cust_nm,dob,eml,tot_amt,c5,ctry\n" + "".join(
    f'Ann Lee{n},{n % 28 + 1:02}/03/199{n % 10},a{n}@b.org,"1.{n:03},50",{n % 2},{"DEFR"[2 * (n % 2) :][:2]}\n'
    for n in range(30)
)


def draft_of(sample, folder, properties, pinned=None, memory=(), required=()):
    """What is generated for a schema of these properties."""
    schema = {"type": "object", "properties": properties, "required": list(required)}
    generator = Generator(settings_of(folder))
    return generator(sample, TargetSchema.parse(schema), pinned=pinned, memory=memory)


def by_path(draft):
    return {proposal.path: proposal for proposal in draft.proposals}


@pytest.fixture
def customers(tmp_path):
    return sample_of_text(tmp_path, CUSTOMERS)


def test_fields_are_matched_converted_and_shown(tmp_path, customers):
    draft = draft_of(
        customers,
        tmp_path,
        {
            "name": {**TEXT, "description": "full name of the customer"},
            "birth_date": {**TEXT, "format": "date"},
            "amount": {"type": "number", "description": "invoice total"},
            "country": {**TEXT, "enum": ["Germany", "France"]},
        },
    )
    assert draft.mapping == {
        "name": "cust_nm",
        "birth_date": "parse_date(dob, '%d/%m/%Y')",
        "amount": "parse_number(tot_amt, ',')",
        "country": "code_list(ctry, {'de': 'Germany', 'fr': 'France'})",
    }
    born = by_path(draft)["birth_date"]
    assert (born.verdict, born.sources) == (Verdict.AUTO, ("dob",))
    assert (born.shown[0].before, born.shown[0].after) == ({"dob": "01/03/1990"}, "1990-03-01")
    assert draft.unused == ("eml", "c5")


def test_what_no_column_looks_like_is_left_to_a_person(tmp_path, customers):
    height = {"type": "integer", "description": "height of the building in metres"}
    draft = draft_of(customers, tmp_path, {"height": height, "email": TEXT})
    assert by_path(draft)["height"].verdict is Verdict.ABSTAIN
    assert by_path(draft)["height"].expression is None
    assert draft.mapping == {"email": "eml"}


def test_the_same_input_gives_the_same_draft(tmp_path, customers):
    properties = {"name": TEXT, "born": {**TEXT, "format": "date"}, "mail": TEXT}
    assert draft_of(customers, tmp_path, properties) == draft_of(customers, tmp_path, properties)


def test_what_a_person_stands_for_is_kept_and_shown(tmp_path, customers):
    draft = draft_of(customers, tmp_path, {"name": TEXT}, pinned={"name": "upper(eml)"})
    name = by_path(draft)["name"]
    assert (name.expression, name.kind, name.sources) == ("upper(eml)", "kept", ("eml",))
    assert name.shown[0].after == "A0@B.ORG"


def test_objects_and_lists_of_objects_are_made_from_what_is_in_them(tmp_path):
    records = [
        {
            "order": {"id": n, "customer": {"nm": "Ann", "mail": "a@b.org"}},
            "positions": [{"article": "A1", "qty": "2"}, {"article": "B2", "qty": "1"}],
        }
        for n in range(10)
    ]
    lines = {"type": "object", "properties": {"article_no": TEXT, "quantity": {"type": "integer"}}}
    draft = draft_of(
        sample_of(tmp_path, records),
        tmp_path,
        {
            "order_id": {"type": "integer"},
            "customer": {"type": "object", "properties": {"name": TEXT, "email": TEXT}},
            "lines": {"type": "array", "items": lines},
        },
    )
    assert draft.mapping == {
        "order_id": "order.id",
        "customer": {"name": "order.customer.nm", "email": "order.customer.mail"},
        "lines": {
            "each": "positions",
            "item": {"article_no": "item.article", "quantity": "item.qty"},
        },
    }


def test_two_columns_make_one_field_where_their_names_say_so(tmp_path):
    sample = sample_of_text(tmp_path, "first_name,last_name\nAnn,Lee\nBo,Ek\nCy,Fox\n")
    name = by_path(draft_of(sample, tmp_path, {"full_name": TEXT}))["full_name"]
    assert set(name.sources) == {"first_name", "last_name"}
    assert [row.after for row in name.shown][:2] == ["Ann Lee", "Bo Ek"]


def test_a_column_with_the_name_of_a_field_of_one_value_is_no_constant(tmp_path):
    """What is not that value is rejected, and not written as if it were."""
    sample = sample_of_text(tmp_path, "country,city\nDE,Berlin\nFR,Paris\nDE,Bonn\n")
    country = by_path(draft_of(sample, tmp_path, {"country": {**TEXT, "enum": ["DE"]}}))["country"]
    assert country.sources == ("country",)
    assert "1 row of the sample would be rejected" in " ".join(country.reasons)


def test_a_constant_of_the_schema_needs_no_column(tmp_path, customers):
    draft = draft_of(customers, tmp_path, {"kind": {**TEXT, "const": "customer"}})
    assert draft.mapping == {"kind": "'customer'"}


@pytest.mark.parametrize("text", ["a,b\n", "a,b\n1,\n", "a,a\n1,2\n", "a,b\n,\n,\n"])
def test_hardly_any_data_gives_an_answer_and_nothing_that_is_sure_of_values(tmp_path, text):
    draft = draft_of(
        sample_of_text(tmp_path, text), tmp_path, {"z": {**TEXT, "format": "date"}, "q": TEXT}
    )
    assert Verdict.AUTO not in [p.verdict for p in draft.proposals]


def test_what_was_approved_in_another_flow_is_used_here_under_another_name(tmp_path):
    sample = sample_of_text(tmp_path, "Zustand\n" + "auf\nzu\n" * 5)
    state = {**TEXT, "enum": ["open", "closed"]}
    field = SchemaField("state", "state", "string", enum=("open", "closed"))
    memory = Remembered(
        "orders", field, "code_list(zustand, {'auf': 'open', 'zu': 'closed'})", Decision.APPROVED
    )
    alone = by_path(draft_of(sample, tmp_path, {"state": state}))["state"]
    told = by_path(draft_of(sample, tmp_path, {"state": state}, memory=[memory]))["state"]
    assert alone.verdict is not Verdict.AUTO
    assert told.expression == "CODE_LIST(Zustand, {'auf': 'open', 'zu': 'closed'})"
    assert "for the same field in orders" in " ".join(told.reasons)


def test_the_mapping_makes_a_flow_that_loads(tmp_path, customers):
    schema = {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {**TEXT, "format": "uuid"}, "email": TEXT},
    }
    draft = draft_of(customers, tmp_path, schema["properties"], required=["a"])
    mapping = complete(draft.mapping, TargetSchema.parse(schema))
    flow = {
        "lume": 1,
        "flow": "f",
        "source": {"connector": "s"},
        "target": {"connector": "t", "table": "t"},
    }
    assert parse(write_yaml({**flow, "schema": schema, "mapping": mapping})).mapping == {
        "a": "NULL",
        "email": "eml",
    }


def test_what_a_person_stands_for_is_shown_where_a_column_is_called_otherwise(tmp_path):
    sample = sample_of_text(tmp_path, "Vorname\n" + "ada\nbo\n" * 4)
    schema = TargetSchema.parse({"type": "object", "properties": {"name": TEXT}})
    beside = Beside(also_called={"first_name": ["Vorname"]})
    generator = Generator(settings_of(tmp_path))
    draft = generator(sample, schema, pinned={"name": "upper(first_name)"}, beside=beside)
    assert by_path(draft)["name"].shown[0].after == "ADA"


def test_the_other_part_of_a_column_goes_to_the_field_beside(tmp_path):
    rows = "".join(f"{n},{10115 + n} Berlin\n" for n in range(20))
    place = {"type": "object", "properties": {"postal_code": TEXT, "city": TEXT}}
    sample = sample_of_text(tmp_path, "Nr,PLZ/Ort\n" + rows)
    made = by_path(draft_of(sample, tmp_path, {"home": place}))
    assert made["home.city"].shown[0].after == "Berlin"
    assert made["home.city"].verdict is Verdict.REVIEW


def test_first_and_last_name_are_found_among_many_names(tmp_path):
    header = "First Name,Middle Name,Last Name,Organization Name,Phone 1 - Label\n"
    rows = "".join(f"Ann{n},J.,Lee{n},Mill Ltd,Mobile\n" for n in range(20))
    full = {**TEXT, "description": "first and last name"}
    draft = draft_of(sample_of_text(tmp_path, header + rows), tmp_path, {"fullName": full})
    assert by_path(draft)["fullName"].shown[0].after == "Ann0 Lee0"


def test_a_label_that_is_the_word_for_a_field_is_not_its_value(tmp_path):
    header = "Phone 1 - Label,Phone 1 - Value\n"
    rows = "".join(f"Mobile,+1 555 0100{n:02}\n" for n in range(20))
    mobile = {**TEXT, "description": "mobile phone number"}
    draft = draft_of(sample_of_text(tmp_path, header + rows), tmp_path, {"mobile": mobile})
    assert by_path(draft)["mobile"].sources == ("Phone 1 - Value",)
