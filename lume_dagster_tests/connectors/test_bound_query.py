"""Only ``:source_path`` outside quotes and comments becomes a placeholder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lume_dagster.connectors.sql.bound_query import bind_source_path
from lume_dagster.errors import FlowError

UNBOUND = [
    "':source_path'",
    "'it''s :source_path'",
    r"E'it\'s :source_path'",
    '":source_path"',
    "$$ :source_path $$",
    "$tag$ :source_path $tag$",
    "1 -- :source_path\n",
    "1 /* :source_path */",
    "1 /* a /* b */ :source_path */",
    "a::source_path",
    ":source_pathology",
    ": source_path",
    "payload:source_path",
    '"a b":source_path',
    "a[1:source_path]",
    "f(a):source_path",
    "{'a':source_path}",
]


#: A dollar begins no text there.
OTHERS = [text for text in UNBOUND if "$" not in text and "E'" not in text and '"' not in text]


@pytest.mark.parametrize("dialect", ["snowflake", "databricks", "tsql", "mysql"])
@pytest.mark.parametrize("text", OTHERS)
def test_other_systems_paths_are_left_alone_too(text, dialect):
    nested = "/* b */" in text and dialect in {"mysql", "snowflake"}
    query = f"SELECT {'1' if nested else text} FROM t WHERE a = :source_path"
    assert bind_source_path(query, "?", dialect) == query.replace("= :source_path", "= ?")


@pytest.mark.parametrize("before", ["=", "(", ",", "|| ", "LIKE ", "<", "- "])
def test_a_value_may_stand_close_to_what_is_before_it(before):
    query = f"SELECT a FROM t WHERE a {before}:source_path"
    assert bind_source_path(query, "$1", "postgres") == query.replace(":source_path", "$1")


@pytest.mark.parametrize("dialect", ["postgres", "duckdb"])
@pytest.mark.parametrize("text", UNBOUND)
def test_text_comments_casts_and_other_names_are_left_alone(text, dialect):
    query = f"SELECT {text} FROM t WHERE a = :source_path"
    bound = f"SELECT {text} FROM t WHERE a = $1"
    assert bind_source_path(query, "$1", dialect) == bound


@pytest.mark.parametrize("text", UNBOUND)
def test_a_query_with_nothing_to_bind_is_refused(text):
    with pytest.raises(FlowError, match="does not use :source_path"):
        bind_source_path(f"SELECT {text} FROM t", "$1", "postgres")


def test_every_use_is_bound_and_a_last_semicolon_goes():
    query = "SELECT :source_path::int, f(:source_path) ;\n"
    assert bind_source_path(query, "$1", "postgres") == "SELECT $1::int, f($1) "


@pytest.mark.parametrize("end", [";", " ; ;", ";-- done", "; /* ; */ ;\n"])
def test_semicolons_that_only_comments_follow_go(end):
    assert bind_source_path(f"SELECT :source_path{end}", "$1", "postgres").rstrip() == "SELECT $1"


def test_a_query_that_cannot_be_read_is_a_sentence():
    with pytest.raises(FlowError, match="cannot be read"):
        bind_source_path("SELECT ':source_path", "$1", "postgres")


@given(st.text(st.characters(exclude_characters="'\0", exclude_categories=["Cs"])))
def test_no_text_in_quotes_changes_what_is_bound(text):
    query = f"SELECT '{text}' WHERE a = :source_path"
    try:
        bound = bind_source_path(query, "$1", "postgres")
    except FlowError:
        return
    assert bound == f"SELECT '{text}' WHERE a = $1"
