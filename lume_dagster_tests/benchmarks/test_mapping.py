"""The benchmark of the mapper counts as it says, and its generated cases are always the same."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.mapping import columns, fabricated, generated, product, whole_files
from benchmarks.mapping.cases import Case, split_of
from benchmarks.mapping.metrics import Answer, Count, calibration_error, error_of_chance
from lume_dagster.mapper.match.column import Column

CASE = Case(
    name="x",
    family="f",
    source=tuple(Column(n, n) for n in "abc"),
    target=tuple(Column(n, n) for n in "xyz"),
    gold={"a": "x", "b": "y"},
    splits={"a": "dev", "b": "dev", "c": "test"},
)


def counted(answer, split="dev"):
    count = Count()
    count.add(CASE, answer, split)
    return count.figures


def test_right_wrong_and_abstained_are_counted_apart():
    answer = Answer(
        ranked={"a": ["x", "y"], "b": ["z", "y"]},
        chosen=frozenset({("a", "x"), ("b", "z"), ("c", "y")}),
    )
    found = counted(answer)
    assert (found["right"], found["wrong"], found["abstained"]) == (1, 1, 1)
    assert (found["hit@1"], found["hit@5"], found["mrr"]) == (0.5, 1.0, 0.75)
    assert found["f1"] == 0.5


def test_a_split_counts_its_own_columns_only():
    answer = Answer(ranked={}, chosen=frozenset({("a", "x"), ("c", "z")}))
    assert (counted(answer, "test")["right"], counted(answer, "test")["wrong"]) == (0, 1)


def test_a_column_that_is_not_ranked_is_no_hit():
    assert counted(Answer(ranked={}, chosen=frozenset()))["hit@5"] == 0


def test_the_calibration_error_is_0_for_the_truth():
    assert calibration_error([(1.0, True), (0.0, False)]) == 0
    assert calibration_error([(0.9, False), (0.9, True)]) == pytest.approx(0.4)


def test_few_pairs_have_an_error_by_chance_and_many_hardly_any():
    assert error_of_chance([0.5] * 10) > error_of_chance([0.5] * 1000)
    assert error_of_chance([1.0, 0.0]) == 0


def test_a_split_depends_on_the_name_alone():
    assert {split_of(f"case-{n}") for n in range(20)} == {"dev", "test"}
    assert split_of("valentine/tpch/a") == split_of("valentine/tpch/a")


def test_generated_cases_are_the_same_each_time_and_their_gold_is_there():
    once, again = (list(generated.cases(90)) for _ in range(2))
    assert once == again
    for case in once:
        assert set(case.gold) <= {column.path for column in case.source}
        assert set(case.gold.values()) <= {column.path for column in case.target}
    assert {case.manner for case in once} == set(generated.KINDS)


def test_product_like_cases_are_the_same_each_time_and_their_gold_is_there():
    once, again = (list(product.cases(60)) for _ in range(2))
    assert once == again
    for case in once:
        assert set(case.gold) <= {column.path for column in case.source}
        assert set(case.gold.values()) <= {column.path for column in case.target}
        assert len(set(case.splits.values())) == 1
    assert len({split_of(f"product/{domain}") for domain in product.domains()}) == 2


def test_whole_files_are_the_same_each_time_and_of_domains_of_dev_alone():
    once, again = (list(whole_files.cases(60)) for _ in range(2))
    assert once == again
    for case in once:
        assert set(case.gold) <= {column.path for column in case.source}
        assert set(case.gold.values()) <= {column.path for column in case.target}
        assert set(case.splits.values()) == {"dev"}
        assert split_of(f"product/{case.name.split('/')[1]}") == "dev"


def test_fabricated_cases_are_the_same_each_time_and_their_gold_is_there():
    once, again = (list(fabricated.cases(20)) for _ in range(2))
    assert once == again
    for case in once:
        assert set(case.gold) <= {column.path for column in case.source}
        assert set(case.gold.values()) <= {column.path for column in case.target}


def test_cases_of_tables_are_the_same_each_time_and_their_schemas_have_no_rows():
    names = ("Station ID", "windSpeed", "measured_on", "place", "remark")
    table = [(name, tuple(f"{name[0]}{n}" for n in range(200))) for name in names]
    for made in (fabricated.real_cases, fabricated.schema_cases):
        once, again = (list(made({"weather": table}, 30)) for _ in range(2))
        assert once == again
        for case in once:
            assert set(case.gold) <= {column.path for column in case.source}
            assert set(case.gold.values()) <= {column.path for column in case.target}
    assert max(len(column.values) for case in once for column in case.target) <= 3


def test_joined_names_are_the_beginnings_of_words():
    joined = [case for case in fabricated.cases(40) if case.name.endswith("-joined")]
    assert joined
    for case in joined:
        assert not any("_" in column.path for column in case.target)


def test_a_baseline_is_given_columns_of_one_length():
    case = replace(CASE, target=(Column("x", "x", values=("1", "2")), Column("y", "y")))
    assert columns.written(case)["target"] == [["x", ["1", "2"]], ["y", [None, None]]]


def program(tmp_path, method, limit=60):
    """``baseline.py`` with a method of the test's own, as its environment would run it."""
    script = tmp_path / "baseline.py"
    own = Path(columns.__file__).with_name("baseline.py").read_text(encoding="utf-8")
    begins, ends = own.split('if __name__ == "__main__":')
    made = f'_VALENTINE = ()\n{method}\nMETHODS["own"] = own\n'
    script.write_text(f'{begins}{made}if __name__ == "__main__":{ends}', encoding="utf-8")
    cases = "".join(
        json.dumps({"name": name, "source": [["a", []]], "target": [["x", []]]}) + "\n"
        for name in ("one", "two", "three")
    )
    command = [sys.executable, str(script), "own", str(limit)]
    done = subprocess.run(command, input=cases, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_each_case_of_a_baseline_is_a_process_of_its_own(tmp_path):
    method = "def own(source, target): return {('a', 'x'): float(os.getpid())}, [('a', 'x')]"
    given = program(tmp_path, method)
    assert [each["name"] for each in given] == ["one", "two", "three"]
    assert len({each["scores"][0][2] for each in given}) == 3


def test_a_baseline_that_does_not_end_or_fails_is_told_and_the_next_case_begins(tmp_path):
    never = "def own(source, target):\n    while True: pass"
    assert [each.get("stopped") for each in program(tmp_path, never, limit=1)] == [True] * 3
    fails = "def own(source, target): raise ValueError('no columns/opt/x/y.so')"
    given = program(tmp_path, fails)
    assert [each["failed"] for each in given] == ["ValueError: no columns"] * 3
    printed = "".join(json.dumps(each) + "\n" for each in given)
    found, said = columns._answers(printed, [CASE] * 3)
    assert found == {}
    assert said == "fails on 3 (ValueError: no columns) of 3 cases"
