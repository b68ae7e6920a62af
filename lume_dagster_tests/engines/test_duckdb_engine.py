"""A batch of files goes in, mapped rows and rejects come out, and nothing is lost in between."""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lume_dagster.engines.duckdb_engine import DuckDBEngine
from lume_dagster.engines.readers.files import InputFile
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.errors import BatchError, EngineError, FlowError, PlanError
from lume_dagster.flows.model import FlowVersion
from lume_dagster_tests.plan.mapping import flow_of

INTEGER = {"type": "integer"}
TEXT = {"type": "string"}
SEEDED = {"path": "s.csv", "key": "k"}
ORDERS = flow_of({"id": TEXT, "n": INTEGER}, {"id": "id", "n": "n"}, required=["id", "n"])


class Run:
    """One batch through the engine."""

    def __init__(self, folder: Path, flow=ORDERS, seeds=(), **limits):
        self.folder = folder
        self.version = FlowVersion(
            flow=flow, version=1, digest="d", folder=str(folder), published=True
        )
        for name, text in seeds:
            (folder / name).write_text(text, encoding="utf-8")
        self.engine = DuckDBEngine(EngineSettings(scratch=folder / "scratch", **limits))

    def __call__(self, *files: bytes | str, into="out", first: int | None = None):
        paths = []
        for i, content in enumerate(files):
            paths.append(self.folder / f"in{i}.csv")
            paths[-1].write_bytes(content.encode() if isinstance(content, str) else content)
        inputs = [InputFile(p, p.name, "1") for p in paths]
        form = self.version.flow.source.format
        self.staged = self.engine.stage_files(inputs, form, self.folder / "staging")
        plan = self.engine.compile(self.version, self.staged)
        out = self.folder / into
        if first is None:
            self.result = self.engine.transform(self.version, plan, self.staged, out)
        else:
            self.result = self.engine.preview(self.version, plan, self.staged, first, out)
        return self

    @property
    def mapped(self):
        return pq.read_table(self.result.mapped[0]).sort_by("_lume_row").to_pylist()

    @property
    def rejects(self):
        return pq.read_table(self.result.rejects[0]).to_pylist()


def test_good_rows_are_mapped_and_bad_ones_keep_their_text_and_reasons(tmp_path):
    run = Run(tmp_path)("id,n\na,1\n,x\nb,2\n")
    assert run.mapped == [{"_lume_row": 1, "id": "a", "n": 1}, {"_lume_row": 3, "id": "b", "n": 2}]
    (reject,) = run.rejects
    assert (reject["_lume_row"], reject["_lume_file"], reject["_lume_file_row"]) == (
        2,
        "in0.csv",
        2,
    )
    assert json.loads(reject["original"]) == {"id": None, "n": "x"}
    assert [e["code"] for e in reject["errors"]] == ["MISSING_REQUIRED_FIELD", "INVALID_INTEGER"]
    assert run.result.error_counts == (("INVALID_INTEGER", 1), ("MISSING_REQUIRED_FIELD", 1))


def test_a_day_that_is_none_rejects_its_row_however_often_it_is_asked_for(tmp_path):
    day = "make_date(y::INT, m::INT, d::INT)"
    date = {"type": "string", "format": "date"}
    mapping = {"a": f"CASE WHEN {day} > DATE '2000-01-01' THEN {day} END", "b": f"{day} + 1"}
    run = Run(tmp_path, flow_of({"a": date, "b": date}, mapping))("y,m,d\n2024,2,28\n2024,2,31\n")
    assert [r["_lume_row"] for r in run.mapped] == [1]
    assert [e["code"] for e in run.rejects[0]["errors"]] == ["EXPRESSION_FAILED"] * 2


def test_a_line_that_cannot_be_split_is_a_reject_with_its_text_and_number(tmp_path):
    run = Run(tmp_path)("id,n\na,1\nb\nc,3\n")
    assert [r["_lume_row"] for r in run.mapped] == [1, 3]
    (reject,) = run.rejects
    assert reject["_lume_row"] == 2
    assert json.loads(reject["original"]) == {"_lume_line": "b"}
    assert reject["errors"][0]["code"] == "MALFORMED_RECORD"


def test_a_repeated_header_is_a_reject_with_a_code_and_a_tally_of_its_own(tmp_path):
    run = Run(tmp_path)("id,n\na,1\nid,n\nb\n")
    assert [r["_lume_row"] for r in run.mapped] == [1]
    codes = [[e["code"] for e in r["errors"]] for r in run.rejects]
    assert codes == [["REPEATED_HEADER"], ["MALFORMED_RECORD"]]
    told = {t.test.code: (t.rows_failed, t.samples[0].row) for t in run.result.tallies[:2]}
    assert told == {"MALFORMED_RECORD": (1, 3), "REPEATED_HEADER": (1, 2)}


def test_rows_of_several_files_are_numbered_on_and_know_their_file(tmp_path):
    run = Run(tmp_path)("id,n\na,1\nb,2\n", "n,id\nx,c\n4,d\n")
    assert [(r["_lume_row"], r["id"], r["n"]) for r in run.mapped] == [
        (1, "a", 1),
        (2, "b", 2),
        (4, "d", 4),
    ]
    assert [(r["_lume_row"], r["_lume_file"], r["_lume_file_row"]) for r in run.rejects] == [
        (3, "in1.csv", 1)
    ]


@pytest.mark.parametrize("text", ["id,n\n", "id,n"])
def test_a_batch_without_rows_leaves_empty_files(tmp_path, text):
    run = Run(tmp_path)(text)
    assert (run.mapped, run.rejects, run.result.input_rows) == ([], [], 0)


def test_every_test_is_tallied_with_samples(tmp_path):
    run = Run(tmp_path)("id,n\na,x\nb,y\nc,1\n")
    tally = {t.test.code: t for t in run.result.tallies if t.rows_failed}["INVALID_INTEGER"]
    assert (tally.rows_failed, [(s.row, s.value) for s in tally.samples]) == (
        2,
        [(1, "x"), (2, "y")],
    )


def test_the_same_batch_gives_the_same_rows_on_any_number_of_threads(tmp_path):
    text = "id,n\n" + "".join(f"k{i % 97},{i if i % 5 else 'x'}\n" for i in range(5000))
    flow = flow_of({"id": TEXT, "n": INTEGER}, {"id": "id", "n": "n"}, key=["id"], required=["id"])
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    first, second = Run(one, flow, threads=1)(text), Run(two, flow, threads=2)(text)
    assert (first.mapped, first.rejects) == (second.mapped, second.rejects)
    assert [r["id"] for r in first.mapped[:2]] == ["k1", "k2"]


def test_a_plan_is_made_once_for_batches_of_the_same_columns(tmp_path):
    run = Run(tmp_path)("id,n\na,1\n")
    assert run.engine.compile(run.version, run.staged) is run.engine.compile(
        run.version, run.staged
    )


def test_a_plan_outlives_the_engine_that_made_it(tmp_path):
    run = Run(tmp_path)("id,n\na,1\n")
    other = DuckDBEngine(EngineSettings(scratch=tmp_path / "other"))
    made = run.engine.compile(run.version, run.staged)
    assert other.compile(run.version, run.staged) is made


@pytest.mark.parametrize("changed", ["flow", "seed"])
def test_a_plan_is_made_again_for_another_flow_or_seed_of_the_same_digest(tmp_path, changed):
    flow = flow_of({"y": TEXT}, {"y": "lookup('s', id, 'v')"}, seeds={"s": SEEDED})
    run = Run(tmp_path, flow, [("s.csv", "k,v\na,1\n")])("id\na\n")
    made = run.engine.compile(run.version, run.staged)
    if changed == "flow":
        other = flow_of({"y": TEXT}, {"y": "lookup('s', id, 'k')"}, seeds={"s": SEEDED})
        run.version = run.version.model_copy(update={"flow": other})
    else:
        (tmp_path / "s.csv").write_text("v,k,more\n1,a,2\n", encoding="utf-8")
    assert run.engine.compile(run.version, run.staged) is not made


def test_mapping_a_well_formed_csv_file_loads_no_array_library_but_numpy(tmp_path):
    """They take 0.2 s to load, which is more than a small batch takes."""
    (tmp_path / "in.csv").write_text("id,n\né,1\n", encoding="utf-8")
    program = """
import sys, pathlib, duckdb
duckdb.connect().execute("SELECT $1", ["DuckDB 1.5 loads pandas and pyarrow itself"]).fetchall()
before = set(sys.modules)
from lume_dagster.engines.duckdb_engine import DuckDBEngine
from lume_dagster.engines.readers.files import InputFile
from lume_dagster.engines.settings import EngineSettings
from lume_dagster.flows.model import Flow, FlowVersion
folder = pathlib.Path(sys.argv[1])
flow = Flow.model_validate_json(sys.argv[2])
version = FlowVersion(flow=flow, version=1, digest="d", folder=str(folder), published=True)
engine = DuckDBEngine(EngineSettings(scratch=folder / "scratch"))
file = InputFile(folder / "in.csv", "in.csv", "1")
staged = engine.stage_files([file], flow.source.format, folder / "staging")
done = engine.transform(version, engine.compile(version, staged), staged, folder / "out")
print(done.mapped_rows, *sorted({"pyarrow", "pandas"} & (set(sys.modules) - before)))
"""
    words = [sys.executable, "-c", program, str(tmp_path), ORDERS.model_dump_json(by_alias=True)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1"]


def test_a_preview_maps_the_first_records_only(tmp_path):
    run = Run(tmp_path)("id,n\na,1\nb\nc,x\nd,4\n", first=3)
    assert [r["_lume_row"] for r in run.mapped] == [1]
    assert [r["_lume_row"] for r in run.rejects] == [2, 3]
    assert run.result.input_rows == 3


def test_a_missing_column_is_named_with_what_is_there(tmp_path):
    with pytest.raises(
        PlanError, match="mapping.n: the source has no column 'n'.\nHint: known: count, id"
    ):
        Run(tmp_path)("id,count\na,1\n")


@pytest.mark.parametrize("text", ['[{"id": 1}]\n', '{"id": 1}{"id": 2}\n', '{\n"id": 1\n}\n'])
def test_a_batch_of_which_no_record_can_be_read_is_not_called_empty(tmp_path, text):
    form = {"connector": "landing", "format": {"type": "jsonl"}}
    flow = ORDERS.model_copy(update={"source": ORDERS.source.model_validate(form)})
    with pytest.raises(BatchError, match=r"None of the \d records .*in0\.csv: the record is"):
        Run(tmp_path, flow)(text)


def test_a_seed_whose_key_repeats_is_refused(tmp_path):
    flow = flow_of({"y": TEXT}, {"y": "lookup('s', id, 'v')"}, seeds={"s": SEEDED})
    with pytest.raises(FlowError, match="a key occurs more than once: 'a'"):
        Run(tmp_path, flow, [("s.csv", "k,v\na,1\na,2\n")])("id\na\n")


def test_a_seed_may_hold_quotes_and_commas(tmp_path):
    flow = flow_of({"y": TEXT}, {"y": "lookup('s', id, 'v')"}, seeds={"s": SEEDED})
    run = Run(tmp_path, flow, [("s.csv", 'k,v\na,"x, ""y"""\n')])("id\na\n")
    assert run.mapped[0]["y"] == 'x, "y"'


def test_a_batch_larger_than_memory_is_spilled(tmp_path):
    flow = flow_of({"id": TEXT, "n": TEXT}, {"id": "id", "n": "n"}, key=["id"], required=["id"])
    rows = 300_000
    text = "id,n\n" + "".join(
        f"key-{i:012d}-{i * 7919 % rows:09d},{'z' * 80}\n" for i in range(rows)
    )
    run = Run(tmp_path, flow, memory_limit="120MB", threads=2)(text)
    assert run.result.mapped_rows == rows
    assert not list((tmp_path / "scratch").iterdir())


def test_an_engine_without_memory_says_so(tmp_path):
    with pytest.raises(EngineError, match="memory limit of 1MB"):
        Run(tmp_path, memory_limit="1MB", threads=1)("id,n\n" + "a,1\n" * 200_000)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(lines=st.lists(st.binary(max_size=30), max_size=30))
def test_whatever_the_bytes_every_record_comes_out_once(tmp_path_factory, lines):
    run = Run(tmp_path_factory.mktemp("b"))
    try:
        run(b"id,n\n" + b"\n".join(lines))
    except (BatchError, PlanError):
        return  # a sentence; nothing was written
    rows = [r["_lume_row"] for r in run.mapped] + [r["_lume_row"] for r in run.rejects]
    assert sorted(rows) == list(range(1, run.staged.records + 1))
    assert run.result.input_rows == run.staged.records


_cell = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(st.tuples(_cell, _cell), min_size=1, max_size=12))
def test_the_original_of_a_reject_is_what_was_delivered(tmp_path_factory, rows):
    flow = flow_of({"y": TEXT}, {"y": "a"}, rules=[{"name": "never", "check": "1 = 0"}])
    quoted = ["{},{}".format(*('"' + c.replace('"', '""') + '"' for c in row)) for row in rows]
    run = Run(tmp_path_factory.mktemp("o"), flow)("a,b\n" + "\n".join(quoted) + "\n")
    originals = [json.loads(r["original"]) for r in run.rejects]
    assert [(o["a"], o["b"]) for o in originals] == rows


def test_outputs_can_be_read_by_others(tmp_path):
    run = Run(tmp_path)("id,n\na,1\n,\n")
    path = str(run.result.rejects[0])
    assert duckdb.connect().execute("SELECT count(*) FROM read_parquet(?)", [path]).fetchone() == (
        1,
    )


def test_rejects_have_the_same_columns_when_there_are_none(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    clean, dirty = Run(one)("id,n\na,1\n"), Run(two)("id,n\na,x\n")
    schemas = [pq.read_schema(run.result.rejects[0]) for run in (clean, dirty)]
    assert schemas[0].names == schemas[1].names
    assert schemas[0].types == schemas[1].types
