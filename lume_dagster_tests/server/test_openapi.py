"""What `/openapi.json` says is valid, and true of what is answered."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import validate

from lume_dagster.server.app import ROUTES
from lume_dagster_tests.server.calling import OTHER


@pytest.fixture(scope="module")
def described(shop):
    return shop.ask("GET", "/openapi.json", key=None).json


def test_the_description_is_valid_openapi(described):
    validate(described)
    assert described["openapi"].startswith("3.1")


def test_every_route_is_described_with_its_problems(described):
    told = {(m.upper(), path) for path, item in described["paths"].items() for m in item}
    assert told == {(route.method, route.path) for route in ROUTES}
    for item in described["paths"].values():
        for operation in item.values():
            assert operation["summary"]
            assert operation["description"]
            assert "application/problem+json" in operation["responses"]["default"]["content"]
            assert "422" not in operation["responses"]


def test_every_route_but_the_health_needs_a_key(described):
    assert described["security"] == [{"bearer": []}, {"header": []}]
    without = [
        p
        for p, item in described["paths"].items()
        for o in item.values()
        if o.get("security") == []
    ]
    assert without == ["/health"]


def test_a_run_that_was_started_before_is_among_the_answers(described):
    for path in ("/v1/runs", "/v1/runs/{run_id}/resubmit"):
        assert {"200", "202"} <= described["paths"][path]["post"]["responses"].keys()


def test_files_are_described_by_their_types(described):
    told = {
        path: set(
            described["paths"][f"/v1/runs/{{run_id}}/{path}"]["get"]["responses"]["200"]["content"]
        )
        for path in ("output", "rejects")
    }
    assert told == {"output": {"application/zip"}, "rejects": {"text/csv", "application/jsonl"}}


def test_no_form_of_the_framework_is_left_in_it(described):
    assert (
        not {"HTTPValidationError", "ValidationError"} & described["components"]["schemas"].keys()
    )


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/health", "/health"),
        ("/v1/flows", "/v1/flows"),
        ("/v1/flows/contacts", "/v1/flows/{name}"),
        ("/v1/runs", "/v1/runs"),
        ("/v1/runs/RUN", "/v1/runs/{run_id}"),
        ("/v1/runs/nope", None),
        ("/v1/runs?page=0", None),
        ("/nope", None),
    ],
)
def test_answers_are_as_described(shop, ran, described, path, shown):
    answer = shop.ask("GET", path.replace("RUN", ran), key=OTHER)
    schema = {"$ref": "#/components/schemas/Problem"}
    if shown is not None:
        content = described["paths"][shown]["get"]["responses"]["200"]["content"]
        schema = content["application/json"]["schema"]
    whole = {**schema, "components": described["components"]}
    Draft202012Validator(whole, format_checker=FormatChecker()).validate(answer.json)
    assert answer.status == (200 if shown else answer.json["status"])
