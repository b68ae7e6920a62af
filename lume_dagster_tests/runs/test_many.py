"""Many batches together come to what each comes to alone: rows, rejects, checks, figures."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lume_dagster.flows.model import Flow, SourceFormat
from lume_dagster.runs import many
from lume_dagster_tests.plan.mapping import flow_of
from lume_dagster_tests.runs.side_by_side import Bench

TEXT, INTEGER = {"type": "string"}, {"type": "integer"}
#: All that looks beyond one row: keys, checks of a batch, rules that count and show the first rows.
FLOW = flow_of(
    {"id": TEXT, "n": INTEGER, "who": TEXT},
    {"id": "id", "n": "n", "who": "lookup('seed', who, 'v')"},
    key=["id"],
    required=["id"],
    seeds={"seed": {"path": "seed.csv", "key": "k"}},
    rules=[
        {"name": "small", "check": "TRY_CAST(n AS BIGINT) < 5", "on_fail": "warn"},
        {"name": "even", "check": "n NOT IN ('7', '9')"},
    ],
    checks=[
        {"unique": "n"},
        {"unique": ["n", "who"], "on_fail": "warn"},
        {"null_rate": {"field": "n", "max": 0.1}},
        {"row_count": {"min": 2}},
        {"reject_rate": {"max": 0.5}},
    ],
)
KEYS = st.sampled_from(["a", "b", "c", "a b", '"a,b"', '"x\ny"', "", "é", "'q'"])
NUMBERS = st.sampled_from(["1", "2", "3", "7", "12", "x", "", "1.5", '"4"'])
WHO = st.sampled_from(["a", "b", "nobody", ""])
ROW = st.tuples(KEYS, NUMBERS, WHO).map(",".join)
#: What is not one of many like files: another header, delimiter, encoding, line end; damage; none.
ODD = st.sampled_from(
    [
        b"",
        b"id,n,who",
        b"id,n,who\n",
        b"n,id,who\n1,a,b\nx,b,b\n",
        b"id;n;who\na;1;a\nb;x;b\n",
        b"id,n,who\na,1\nb,2,a\n",
        b'id,n,who\n"a,1,a\n',
        b"id,n,who\na,1,a,9,9\nb,2,b\n",
        b"\xef\xbb\xbfid,n,who\na,1,a\n",
        b"id,n,who\r\na,1,a\r\nb,7,b\r\n",
        "id,n,who\nä,1,a\n".encode("latin-1"),
        "id,n,who\na,2,b\n".encode("utf-16"),
        b"id,n\na,1\n",
        b'id,n,who\na"b,1,a\nc"d,2,b\n',
        b"\n\nid,n,who\na,1,a\n",
        b"id,n,who\na\x00,1,a\n",
        b'[{"id": "a", "n": 1, "who": "b"}]',
        b"id,n,who\n\n\na,1,a\n\nb,2,b\n\n",
    ]
)
PLAIN = st.lists(ROW, min_size=1, max_size=12).map(
    lambda rows: "\n".join(["id,n,who", *rows, ""]).encode()
)


def assert_alike(folder, flow: Flow, contents: list[bytes]) -> Bench:
    files = {f"batch-{number}.csv": content for number, content in enumerate(contents)}
    bench = Bench.of(folder, flow, files)
    with bench.engine:
        alone, together = bench.each_alone(list(files)), bench.all_together(list(files))
    for name, one, other in zip(files, alone, together, strict=True):
        assert one == other, name
    assert not list((folder / "scratch").glob("*"))
    return bench


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(contents=st.lists(PLAIN | PLAIN | ODD, min_size=2, max_size=6))
def test_batches_together_come_to_what_each_comes_to_alone(tmp_path_factory, contents):
    assert_alike(tmp_path_factory.mktemp("many"), FLOW, contents)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    contents=st.lists(
        st.lists(st.text('ab,"\n\r;\\\x00é', max_size=6), max_size=6).map(
            lambda lines: "\n".join(["id,n,who", *lines]).encode()
        ),
        min_size=2,
        max_size=5,
    )
)
def test_batches_of_any_text_come_to_what_each_comes_to_alone(tmp_path_factory, contents):
    assert_alike(tmp_path_factory.mktemp("text"), FLOW, contents)


def test_like_files_do_go_together(tmp_path):
    files = [f"id,n,who\na,{n},a\nb,x,b\na,3,nobody\n".encode() for n in range(9)]
    assert assert_alike(tmp_path, FLOW, files).together == 9


def test_a_damaged_file_among_many_takes_none_with_it(tmp_path):
    torn, misread = b"id,n,who\na,1\nb,2,b\n", b'id,n,who\na"b,1,a\nc"d,2,b\n'
    files = [b"id,n,who\na,1,a\n", torn, b"id,n,who\nb,2,b\n", misread] * 3
    assert assert_alike(tmp_path, FLOW, files).together >= 6


def test_a_key_repeats_only_within_its_batch(tmp_path):
    bench = assert_alike(tmp_path, FLOW, [b"id,n,who\na,1,a\nb,2,a\na,3,a\n"] * 2)
    for name in ("batch-0.csv", "batch-1.csv"):
        folder = bench.batch(name, "together").output
        counts = json.loads((folder / "metrics.json").read_text())["row_counts"]
        assert counts == {"input": 3, "mapped": 2, "rejects": 1}


def test_every_type_and_batches_of_only_good_or_only_bad_rows(tmp_path):
    formats = {
        "at": "date-time",
        "day": "date",
        "clock": "time",
        "uid": "uuid",
    }
    properties = {
        **{name: {"type": "string", "format": kind} for name, kind in formats.items()},
        "flag": {"type": "boolean"},
        "price": {"type": "number", "multipleOf": 0.01},
        "ratio": {"type": "number"},
        "address": {"type": "object", "properties": {"city": TEXT, "no": INTEGER}},
        "parts": {"type": "array", "items": TEXT},
    }
    mapping = {
        **{name: name for name in ("at", "day", "clock", "uid", "flag", "price", "ratio")},
        "address": {"city": "city", "no": "no"},
        "parts": "string_split(parts, '|')",
    }
    flow = flow_of(properties, mapping)
    header = "at,day,clock,uid,flag,price,ratio,city,no,parts\n"
    good = (
        "2024-02-29T23:59:59,2024-02-29,12:30:00,00112233-4455-6677-8899-aabbccddeeff,"
        "true,1.25,0.5,Köln,7,a|b\n,,,,,,,,,\n"
    )
    bad = "never,x,y,z,maybe,q,r,Köln,s,\n"
    texts = [header + rows for rows in (good, bad, good + bad, bad + good)]
    assert assert_alike(tmp_path, flow, [text.encode() for text in texts]).together == 4


def test_a_seed_that_is_none_fails_each_batch_with_the_same_sentence(tmp_path):
    files = {f"batch-{n}.csv": b"id,n,who\na,1,a\n" for n in range(3)}
    bench = Bench.of(tmp_path, FLOW, files)
    (tmp_path / "seed.csv").write_text("k,v\na,Anna\na,Anton\n")
    alone, together = bench.each_alone(list(files)), bench.all_together(list(files))
    assert alone == together
    assert "a key occurs more than once" in alone[0].error
    assert not list((tmp_path / "together/output").iterdir())


def test_groups_are_cut_by_number_and_by_bytes_and_hold_several():
    most = many.MOST_BATCHES
    assert [len(g) for g in many.groups(range(2 * most + 1), lambda _: 1)] == [most, most]
    half = many.MOST_BYTES // 2
    assert [len(g) for g in many.groups(range(5), lambda _: half)] == [2, 2]


def test_json_is_staged_alone_and_transformed_together(tmp_path):
    flow = flow_of({"id": TEXT, "n": INTEGER}, {"id": "id", "n": "n"}, key=["id"], required=["id"])
    source = flow.source.model_copy(update={"format": SourceFormat(type="jsonl")})
    lines = b'{"id": "a", "n": 1}\n{"id": "b", "n": "x"}\n{"id": "a", "n": 2}\n'
    files = [lines, lines * 2, b'{"n": 3, "id": "c"}\n', lines + b"broken\n"]
    assert assert_alike(tmp_path, flow.model_copy(update={"source": source}), files).together == 2


def test_a_large_file_goes_alone(tmp_path):
    row = b"a,1," + b"b" * 1000 + b"\n"
    large = b"id,n,who\n" + row * (many.SMALL_BYTES // len(row) + 1)
    small = b"id,n,who\na,1,a\n"
    assert assert_alike(tmp_path, FLOW, [small, large, small]).together == 2


def test_a_batch_keeps_the_order_of_its_rows(tmp_path):
    sizes = [30, 5000, 70, 2100, 1, 4000, 100]
    files = [
        ("id,n,who\n" + "".join(f"{k}-{i},{i % 11},a\n" for i in range(rows))).encode()
        for k, rows in enumerate(sizes)
    ]
    bench = assert_alike(tmp_path, FLOW, files)
    assert bench.together == len(files)
    for k in range(len(files)):
        part = bench.batch(f"batch-{k}.csv", "together").output / "mapped/part-0000.parquet"
        rows = pq.read_table(part)["_lume_row"].to_pylist()
        assert rows == sorted(rows)
