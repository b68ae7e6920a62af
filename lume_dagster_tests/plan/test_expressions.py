"""What an expression may say, and what is refused with a sentence."""

import re

import pytest
from sqlglot import exp

from lume_dagster.errors import FlowError
from lume_dagster.plan.expressions import NESTED, parse_expression
from lume_dagster.plan.functions import FUNCTIONS, HELPERS
from lume_dagster.plan.slips import FOREIGN
from lume_dagster_tests.in_memory import connect

ATTACKS = [
    "(SELECT 1)",
    "(SELECT content FROM read_text('/etc/passwd'))",
    "EXISTS (SELECT 1)",
    "a IN (SELECT s FROM read_csv('x'))",
    "getenv('HOME')",
    "read_text('/etc/passwd')",
    "system.main.read_text('x')",
    "getvariable('x')",
    "current_setting('temp_directory')",
    "1; DROP TABLE t",
    "1 /* x */; COPY (SELECT 1) TO 'x'",
    "PRAGMA version",
    "ATTACH 'x'",
    "COPY t TO 'x'",
    "query('select 1')",
    "query_table('t')",
    "a) FROM t; --",
    "list_transform([1], lambda x: x)",
    "x -> x + 1",
    "COLUMNS('.*')",
    "*",
    "t.*",
    "a::STRUCT(x INT)",
    "a::JSON",
    "current_user",
    "current_date",
    "today()",
    "now()",
    "random()",
    "uniform(lower(a), b)",
    "sha2(a, 512)",
    "normal(lower(a), b, c)",
    "lower_hex(a)",
    "collate(lower(a), nocase)",
    "uuid()",
    "nextval('s')",
    "write_log('x')",
    "sum(a)",
    "count(*)",
    "row_number() OVER ()",
    "sum(a) OVER (ORDER BY b)",
    "unnest([1])",
    "repeat('x', 2000000000)",
    "lpad(a, 2000000000, 'x')",
    "rpad(a, b, 'x')",
    "$1",
    "?",
    "#1",
    "a COLLATE nocase",
    "a AT TIME ZONE 'UTC'",
    "error('x')",
    "a.upper()",
    "try(a + 1)",
    "make_array(a)",
    "json_extract(a, '$.x')",
    "range(100000000)",
    "generate_series(1, 10)",
    "",
    "a b c",
    "'unclosed",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_what_is_not_a_pure_scalar_expression_is_refused_with_a_sentence(text):
    with pytest.raises(FlowError, match=r"^mapping\.x: .+"):
        parse_expression(text, "mapping.x")


def test_a_comment_does_not_survive():
    assert "drop" not in parse_expression("a -- drop", "x").sql("duckdb", comments=False)


def test_a_misspelt_function_is_met_with_the_nearest_one():
    with pytest.raises(FlowError, match=r"uper is not allowed.\nHint: did you mean 'upper'"):
        parse_expression("uper(a)", "x")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nr +", "a value is missing after 'nr \\+'"),
        ("strptime(a, '%d'", r"\) is missing after \"strptime\(a, '%d'\""),
        ("CASE WHEN a THEN 1", "END is missing after 'CASE WHEN a THEN 1'"),
        ("x::", "a type is missing after 'x::'"),
        ("trim(a))", r"'\)' is not expected after 'trim\(a\)'"),
        ("a b", "'b' is not expected after 'a'"),
        ("a || 'x", r"a text in '\.\.\.' is not closed"),
        ('"Invoice No', r'a name in "\.\.\." is not closed'),
        ("a /* b", "a comment is not closed"),
        ("", "one expression is wanted, found none"),
    ],
)
def test_a_slip_in_the_grammar_is_said_in_words_of_the_expression(text, said):
    with pytest.raises(FlowError, match=said):
        parse_expression(text, "x")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("to_date(a, 'DD.MM.YYYY')", "parse_date"),
        ("to_number(a)", "parse_number"),
        ("to_char(a, 'YYYY')", "strftime"),
        ("initcap(a)", "title_case"),
        ("sum(a)", "sum_of"),
        ("vlookup(a, b, 2)", "lookup"),
        ("date_add(a, 1)", "INTERVAL 1 DAY"),
        ("current_date", "take the time from a column"),
    ],
)
def test_a_function_known_from_elsewhere_is_met_with_what_does_it_here(text, hint, capfd):
    with pytest.raises(FlowError, match=f"not allowed.*\nHint: .*{hint}"):
        parse_expression(text, "x")
    assert capfd.readouterr() == ("", "")


def test_a_function_of_others_that_becomes_allowed_ones_is_allowed():
    allowed = parse_expression("unix_date(a)", "x").sql("duckdb")
    assert allowed == "DATE_DIFF('DAY', CAST('1970-01-01' AS DATE), a)"


def test_hints_name_functions_that_are_here_and_no_function_that_is():
    for name, hint in FOREIGN.items():
        assert name not in {*FUNCTIONS, *HELPERS}
        called = {*re.findall(r"(\w+)\(", hint), *re.findall(r"\w+_of\b", hint)}
        assert called <= {*FUNCTIONS, *HELPERS}


NESTS = [("(", ")"), ("lower(", ")"), ("[", "]"), ("{'a': ", "}"), ("CASE WHEN a THEN ", " END")]


@pytest.mark.parametrize(("opened", "closed"), NESTS)
@pytest.mark.parametrize("levels", [NESTED + 1, 400])
def test_a_very_deep_expression_is_refused(opened, closed, levels):
    with pytest.raises(FlowError, match="deep"):
        parse_expression(opened * levels + "a" + closed * levels, "x")


@pytest.mark.parametrize(("opened", "closed"), NESTS)
def test_a_deep_expression_is_read_however_deep_in_calls_its_reader_stands(opened, closed):
    def call(frames: int) -> exp.Expr:
        if frames:
            return call(frames - 1)
        return parse_expression(opened * NESTED + "a" + closed * NESTED, "x")

    assert call(100).find(exp.Column)


def test_a_sum_of_very_many_terms_is_refused():
    with pytest.raises(FlowError, match="deep"):
        parse_expression(" + ".join(["a"] * 300), "x")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_allowed_function_means_the_same_after_parsing(name):
    example = FUNCTIONS[name]
    con = connect()
    again = parse_expression(example, "x").sql("duckdb")
    assert con.execute(f"SELECT {again}").fetchone() == con.execute(f"SELECT {example}").fetchone()


@pytest.mark.parametrize("name", HELPERS)
def test_every_helper_says_how_it_is_called(name):
    assert HELPERS[name].startswith(f"{name}(")
