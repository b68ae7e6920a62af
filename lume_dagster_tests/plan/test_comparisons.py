"""A text beside a value of another kind is converted, and stops no batch."""

import pytest

from lume_dagster.errors import FlowError, PlanError
from lume_dagster_tests.plan.mapping import flow_of, run

TEXT = {"type": ["string", "null"]}
BIG = 2**63 - 1


def outcome(expression, *values, types=None):
    columns = ["x", "z"][: len(values[0])] if isinstance(values[0], tuple) else ["x"]
    rows = [list(v) if isinstance(v, tuple) else [v] for v in values]
    return run(flow_of({"y": TEXT}, {"y": expression}), rows, columns, types=types)


@pytest.mark.parametrize(
    ("expression", "good", "code"),
    [
        ("if(x = 1, 'a', 'b')", ["1", "1.0", "2"], "INVALID_NUMBER"),
        ("if(x <> 1, 'b', 'a')", ["1", " 1 ", "1.5"], "INVALID_NUMBER"),
        ("if(x BETWEEN 0 AND 1, 'a', 'b')", ["0.5", "1e0", "2"], "INVALID_NUMBER"),
        ("if(x IN (1, 7), 'a', 'b')", ["1", "7", "2"], "INVALID_NUMBER"),
        ("if(x IS DISTINCT FROM 1, 'b', 'a')", ["1", "1.0", "2"], "INVALID_NUMBER"),
        ("CASE x WHEN 1 THEN 'a' ELSE 'b' END", ["1", "1.0", "2"], "INVALID_NUMBER"),
        ("if(x < DATE '2024-02-01', 'a', 'b')", ["2024-01-31"] * 2 + ["2024-02-01"], "_DATE_"),
        ("if(x AND true, 'a', 'b')", ["true", "1", "false"], "INVALID_BOOLEAN"),
        ("if(NOT x, 'b', 'a')", ["true", "t", "0"], "INVALID_BOOLEAN"),
        ("CASE WHEN x THEN 'a' ELSE 'b' END", ["true", "1", "false"], "INVALID_BOOLEAN"),
    ],
)
def test_a_text_is_compared_as_what_stands_beside_it(expression, good, code):
    found = outcome(expression, *good, "abc")
    assert [r["y"] for r in found.mapped] == ["a", "a", "b"]
    ((error,),) = found.codes
    assert code in error[1]


def test_numbers_too_large_for_a_double_are_compared_to_the_last_digit():
    found = outcome("x = 9007199254740993", "9007199254740993", "9007199254740992")
    assert [r["y"] for r in found.mapped] == ["true", "false"]
    found = outcome("x = z", (str(BIG), BIG), (str(BIG - 1), BIG), types=["VARCHAR", "BIGINT"])
    assert [r["y"] for r in found.mapped] == ["true", "false"]


def test_two_texts_are_compared_as_texts():
    assert [r["y"] for r in outcome("x = z", ("1", "1.0"), ("a", "a")).mapped] == ["false", "true"]


def test_nullif_leaves_the_text_as_it_was():
    found = outcome("nullif(x, 1)", "1", "007", "abc")
    assert [r["y"] for r in found.mapped] == [None, "007"]
    assert found.codes == [[("y", "INVALID_NUMBER")]]


@pytest.mark.parametrize(
    "expression",
    [
        "if(x = 'a', 'a', 2)",
        "CASE WHEN x = 'a' THEN 'a' WHEN x = 'b' THEN 3 END",
        "coalesce('a', 1)",
        "greatest(1, 'a')",
        "array_to_string([1, 'a'], ',')",
        "1 = 'foo'",
        "DATE '2024-01-02' > 'foo'",
        "CASE WHEN 'foo' THEN 'a' END",
    ],
)
def test_a_literal_text_that_can_never_fit_is_refused_before_any_row(expression):
    with pytest.raises(PlanError, match=r"stands beside a value of another kind|no condition"):
        outcome(expression, "a")


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("left('abc', 'x')", r"LEFT\('abc', 'x'\): Could not convert string 'x'"),
        ("right(x, 'x')", "'x'"),
        ("upper(substr(x, 'two', 1))", "'two'"),
        ("split_part(x, '-', 'b')", "'b'"),
        ("CASE WHEN x = 'q' THEN left(x, 'x') END", "'x'"),
        ("round(x::DOUBLE, 'a')", "'a'"),
        ("x::BIGINT + 'a'", "'a'"),
        ("'a' - x::DATE", '"a"'),
        ("power('a', 2)", "'a'"),
        ("make_date('a', 1, 2)", "'a'"),
        ("list_contains([1, 2], 'a')", "'a'"),
        ("date_diff('foo', x::DATE, x::DATE)", '"foo"'),
        ("date_diff('day', 'a', x::DATE)", '"a"'),
        ("x::DATE + INTERVAL 'a' DAY", "'a'"),
        ("string_split(x, ',')['a']", "'a'"),
        ("chr('a')", "'a'"),
    ],
)
def test_a_literal_that_a_function_can_never_take_is_refused_with_its_field(expression, said):
    with pytest.raises(PlanError, match=rf"(?si)mapping\.y: .*{said}"):
        outcome(expression, "a")


@pytest.mark.parametrize(
    ("expression", "value", "result"),
    [
        ("left(x, '2')", "abc", "ab"),
        ("make_date('2000', x::INT, '29')", "2", "2000-02-29"),
        ("x::DATE + INTERVAL '1' DAY", "2024-01-31", "2024-02-01 00:00:00"),
        ("strftime(date_trunc('month', x::DATE), '%d')", "2024-01-31", "01"),
    ],
)
def test_a_literal_text_that_reads_as_what_is_taken_is_taken(expression, value, result):
    assert outcome(expression, value).mapped[0]["y"] == result


@pytest.mark.parametrize(
    ("expression", "said"),
    [("x LIKE 'a' ESCAPE 'ab'", "one ASCII character"), (r"x LIKE 'a\' ESCAPE '\'", "ends with")],
)
def test_an_escape_that_is_none_is_refused(expression, said):
    with pytest.raises(FlowError, match=said):
        outcome(expression, "a")


def test_a_pattern_of_a_column_that_ends_with_its_escape_rejects_its_row():
    found = run(
        flow_of({"y": TEXT}, {"y": r"x LIKE z ESCAPE '\'"}),
        [["a%", "a\\%"], ["a", "a\\"]],
        ["x", "z"],
    )
    assert [r["y"] for r in found.mapped] == ["true"]
    assert found.codes == [[("y", "EXPRESSION_FAILED")]]


def test_a_literal_date_beside_a_date_is_read():
    assert outcome("x::DATE >= '2024-1-2'", "2024-01-02").mapped[0]["y"] == "true"


@pytest.mark.parametrize(
    ("expression", "kind", "value"),
    [
        ("x * x", "BIGINT", BIG),
        ("x + 1", "INTEGER", 2**31 - 1),
        ("abs(x)", "BIGINT", -(2**63)),
        ("x * x", "DECIMAL(38,0)", 10**37),
    ],
)
def test_what_overflows_is_told_where_the_engine_knows_that_nothing_is_null(
    expression, kind, value
):
    found = run(
        flow_of({"y": TEXT}, {"y": expression}), [[value], [2]], types=[kind], not_null=True
    )
    assert len(found.mapped) == 1
    assert found.codes == [[("y", "EXPRESSION_FAILED")]]


@pytest.mark.parametrize(
    ("expression", "bad"),
    [
        ("regexp_matches('a', x)", "("),
        ("regexp_full_match('a', x)", "["),
        ("regexp_extract_all('a', x)[1]", "("),
        ("regexp_replace('a', x, 'b')", "("),
        ("'a' SIMILAR TO x", "("),
        ("left('a', x::BIGINT)", str(BIG)),
        ("substr('a', x::BIGINT)", str(-BIG)),
        ("date_part(x, DATE '2024-01-01')", "a"),
        ("make_timestamp(x::BIGINT)", str(BIG)),
        ("DATE '2024-01-01' + INTERVAL (x::BIGINT) DAY", str(BIG)),
        ("ln(x::DOUBLE)", "0"),
        ("sqrt(x::DOUBLE)", "-1"),
        ("power(10, x::DOUBLE)", "1000"),
        ("exp(x::DOUBLE)", "1000"),
    ],
)
def test_a_row_on_which_a_function_fails_stops_no_batch(expression, bad):
    good = "year" if "date_part" in expression else "1"
    found = outcome(expression, bad, good)
    assert len(found.mapped) == 1
    assert found.codes == [[("y", "EXPRESSION_FAILED")]]


@pytest.mark.parametrize("expression", ["regexp_extract('a', x)", "regexp_replace('a', 'a', x)"])
def test_what_only_some_releases_of_the_engine_refuse_stops_no_batch_either(expression):
    found = outcome(expression, "(\\1", "a")
    assert len(found.mapped) + len(found.rejects) == 2


@pytest.mark.parametrize("expression", ["regexp_extract(x, '(')", "regexp_replace(x, '(', '')"])
def test_a_pattern_that_is_none_is_refused_before_any_row(expression):
    with pytest.raises(PlanError, match="missing"):
        outcome(expression, "a")


def test_the_width_of_a_bucket_is_literal():
    with pytest.raises(FlowError, match="literal width"):
        outcome("time_bucket(INTERVAL (x::INT) DAY, DATE '2024-01-01')", "0")


def test_a_cast_to_float_rejects_what_is_too_large_for_it():
    found = run(
        flow_of({"y": {"type": "number"}}, {"y": "x::FLOAT"}), [[1.5], [1e308]], types=["DOUBLE"]
    )
    assert [r["y"] for r in found.mapped] == [1.5]
    assert found.codes == [[("y", "INVALID_NUMBER")]]
