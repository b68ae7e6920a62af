"""Files given by hand become a batch that is named by what they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from lume_dagster.connectors.protocol import SourceObject
from lume_dagster.errors import BatchError, InvalidRequestError
from lume_dagster.flows.model import Flow, FlowVersion
from lume_dagster.runs.uploads import files_of, is_name, load_upload, store_upload, with_seeds


def version(folder) -> FlowVersion:
    flow = {
        "lume": 1,
        "flow": "orders",
        "source": {"connector": "a"},
        "target": {"connector": "b", "table": "t"},
        "seeds": {"rates": {"path": "seeds/rates.csv", "key": "k"}},
        "schema": {"type": "object", "properties": {"id": {"type": "string"}}},
        "mapping": {"id": "id"},
    }
    return FlowVersion(
        flow=Flow.model_validate(flow), version=1, digest="d", folder=str(folder), published=True
    )


def file(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def test_the_same_files_are_the_same_batch(tmp_path):
    one = store_upload(tmp_path / "u", [file(tmp_path / "1", "a.csv", "x")])
    two = store_upload(tmp_path / "u", [file(tmp_path / "2", "a.csv", "x")])
    assert one == two
    assert one.source_path.startswith("upload:")


@pytest.mark.parametrize(
    "other", [("a.csv", "y"), ("b.csv", "x")], ids=["other content", "other name"]
)
def test_other_files_are_another_batch(tmp_path, other):
    one = store_upload(tmp_path / "u", [file(tmp_path / "1", "a.csv", "x")])
    two = store_upload(tmp_path / "u", [file(tmp_path / "2", *other)])
    assert one.source_path != two.source_path


def test_other_seeds_are_another_batch(tmp_path):
    data = file(tmp_path / "1", "a.csv", "x")
    plain = store_upload(tmp_path / "u", [data])
    seeded = store_upload(tmp_path / "u", [data], seeds=[file(tmp_path / "s", "rates.csv", "k")])
    assert plain.source_path != seeded.source_path


def test_a_file_that_is_a_seed_once_and_data_once_makes_two_batches(tmp_path):
    data, codes = tmp_path / "a.csv", tmp_path / "codes.csv"
    data.write_text("id\n1\n")
    codes.write_text("code,name\n1,x\n")
    as_seed = store_upload(tmp_path / "u", [data], seeds=[codes])
    as_data = store_upload(tmp_path / "u", [data, codes])
    assert as_seed.source_path != as_data.source_path
    assert len(load_upload(tmp_path / "u", as_data.source_path).files) == 2


def test_a_batch_keeps_what_it_was_given(tmp_path):
    given = file(tmp_path / "1", "a.csv", "before")
    upload = store_upload(tmp_path / "u", [given])
    given.write_text("after")
    loaded = load_upload(tmp_path / "u", upload.source_path)
    assert loaded == upload
    assert (loaded.folder / loaded.files[0].stored).read_text() == "before"


def test_files_of_uploads_are_the_batch_that_they_would_be_by_themselves(tmp_path):
    a, b = file(tmp_path / "1", "a.csv", "x"), file(tmp_path / "1", "b.csv", "y")
    here = store_upload(tmp_path / "u", [a, b])
    given = [one for f in (a, b) for one in files_of(store_upload(tmp_path / "v", [f]))]
    there = store_upload(tmp_path / "v", given)
    assert (there.source_path, there.files) == (here.source_path, here.files)
    assert [(there.folder / f.stored).read_text() for f in there.files] == ["x", "y"]


@pytest.mark.parametrize("letter", ["n", "ü"], ids=["one byte", "two bytes"])
def test_a_name_as_long_as_a_file_system_takes_is_kept(tmp_path, letter):
    name = letter * (251 // len(letter.encode())) + ".csv"
    upload = store_upload(tmp_path / "u", [file(tmp_path / "1", name, "x")])
    (kept,) = load_upload(tmp_path / "u", upload.source_path).files
    assert kept.uri == name
    assert kept.stored.endswith(".csv")
    assert (upload.folder / kept.stored).read_text() == "x"


def test_a_way_out_of_the_folder_is_no_name_of_an_upload():
    assert is_name(f"upload:{'0' * 32}")
    assert not [n for n in ("upload:../x", "upload:", "0" * 32, "upload:x/y") if is_name(n)]


def test_files_elsewhere_are_only_named(tmp_path):
    upload = store_upload(tmp_path / "u", [], remote=[SourceObject("s3://x/a.csv", 3, "etag")])
    assert upload.files[0].stored is None
    assert upload.files[0].uri == "s3://x/a.csv"


def test_a_seed_replaces_the_flows_own_and_makes_another_digest(tmp_path):
    data = file(tmp_path / "1", "a.csv", "x")
    upload = store_upload(tmp_path / "u", [data], seeds=[file(tmp_path / "s", "rates.csv", "k")])
    changed = with_seeds(version(tmp_path), upload)
    path = Path(changed.folder) / changed.flow.seeds["rates"].path
    assert path.read_text() == "k"
    assert changed.digest != "d"


def test_a_seed_the_flow_does_not_have_is_refused(tmp_path):
    data = file(tmp_path / "1", "a.csv", "x")
    upload = store_upload(tmp_path / "u", [data], seeds=[file(tmp_path / "s", "rate.csv", "k")])
    with pytest.raises(InvalidRequestError, match=r"no seed file 'rate.csv'(.|\n)*rates.csv"):
        with_seeds(version(tmp_path), upload)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidRequestError, match=r"no file .*nope.csv"):
        store_upload(tmp_path / "u", [tmp_path / "nope.csv"])


def test_no_file_at_all_is_refused(tmp_path):
    with pytest.raises(InvalidRequestError, match="input_files is empty"):
        store_upload(tmp_path / "u", [])


def test_an_upload_that_is_gone_says_what_to_do(tmp_path):
    with pytest.raises(BatchError, match="start the run again with its input_files"):
        load_upload(tmp_path / "u", "upload:0123")
