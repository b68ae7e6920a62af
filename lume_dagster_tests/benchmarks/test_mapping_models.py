"""The benchmark of language models: what it counts, what it keeps, and what it says without a key."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic_ai import models as pydantic_models

from benchmarks.mapping.models import Row, keep, load, measure, table
from lume_dagster.mapper.model import ModelSettings
from lume_dagster_tests.mapper.model.bench import answers, said
from lume_dagster_tests.mapper.model.scripted import Status, serve

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Column:
    path: str
    values: tuple[str, ...] = ("one", "two")
    description: str = ""

    @property
    def name(self) -> str:
        return self.path


@dataclass(frozen=True)
class Case:
    name: str
    source: tuple[Column, ...]
    target: tuple[Column, ...]
    gold: dict[str, str]
    splits: dict[str, str]
    family: str = "made-up"


SMALL = Case(
    "small",
    tuple(map(Column, ("a", "b", "c"))),
    tuple(map(Column, ("t", "u", "v", "w"))),
    {"a": "t", "b": "u", "c": "v"},
    {"a": "dev", "b": "test", "c": "test"},
)
LARGE = Case("large", SMALL.source, tuple(Column(f"t{n}") for n in range(61)), {}, {})


def settings(url: str, **more: object) -> ModelSettings:
    given = {"base_url": f"{url}/v1", "retries": 0, "rounds": 1, **more}
    return ModelSettings("ollama", "made-up", **given)  # type: ignore[arg-type]


def test_right_wrong_and_abstained_are_counted_apart_by_split():
    turn = answers(said("f1", "a"), said("f2", "c"), said("f3", None), said("f4", None))
    with pydantic_models.override_allow_model_requests(True), serve(turn) as script:
        row = measure(settings(script.url), [SMALL, LARGE])
    assert row.families == {
        "made-up": {
            "dev": {"right": 1, "wrong": 0, "abstained": 0, "rightly_none": 1},
            "test": {"right": 0, "wrong": 1, "abstained": 1, "rightly_none": 0},
        }
    }
    assert row.not_measured == ["large: large, and no short lists were given"]
    assert (row.requests, row.input_tokens, row.output_tokens, row.price) == (1, 1_000, 100, None)
    assert len(row.prompt_hash) == 64


def test_a_case_that_fails_is_not_measured_and_says_why():
    with pydantic_models.override_allow_model_requests(True), serve(Status(500)) as script:
        row = measure(settings(script.url), [SMALL])
    assert row.families == {}
    assert "failed in 1 tries" in row.not_measured[0]
    assert "not measured: small" in table([row])


def test_rows_are_kept_with_what_made_them(tmp_path):
    row = Row("openai", "m", "samples", "2024-02-29", "ab" * 32, 1, 2, 3, "0.5",
              {"made-up": {"dev": {"right": 1, "wrong": 2, "abstained": 3, "rightly_none": 4}}})  # fmt: skip
    keep(row, tmp_path / "models.json")
    keep(row, tmp_path / "models.json")
    assert [Row(**kept) for kept in load(tmp_path / "models.json")] == [row, row]
    assert json.loads((tmp_path / "models.json").read_text())[0]["prompt_hash"] == "ab" * 32
    assert (
        "| openai:m | samples | 2024-02-29 | abababababab | 2 + 3 | $0.5000 | made-up dev | 1 | 2 | 3 |"
        in table([row])
    )


def test_without_a_row_it_is_not_measured():
    assert table([]).endswith("not measured.")


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_without_a_key_nothing_is_sent_and_it_says_not_measured(provider):
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "mapping", "--provider", provider, "--model", "m"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith(f"mapping with {provider}:m: not measured.\n")
    assert "_API_KEY is not set" in done.stdout
