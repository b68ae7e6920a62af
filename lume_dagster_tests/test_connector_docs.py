"""The pages about connectors: each kind has one, their code runs, and one's own passes the suite."""

from __future__ import annotations

import re
import sys

import pytest

from lume_dagster.connectors.registry import connector_kinds
from lume_dagster_tests.test_docs import DOCS, blocks, execute, say

PAGE = DOCS / "connectors.md"
SHIPPED = sorted(
    kind for kind, point in connector_kinds().items() if point.value.startswith("lume_dagster.")
)


@pytest.mark.parametrize("kind", SHIPPED)
def test_every_kind_has_a_page_and_a_row(kind):
    text = PAGE.read_text(encoding="utf-8")
    assert (DOCS / "connectors" / f"{kind}.md").is_file()
    assert f"`{kind}`" in text
    assert f"(connectors/{kind}.md)" in text


@pytest.mark.parametrize("page", ["", "/local_files", "/duckdb", "/postgres", "/snowflake"])
def test_the_code_of_a_page_runs(page, tmp_path):
    shown = [b for b in blocks(DOCS / f"connectors{page}.md") if b.language == "python"]
    code = "\n".join(block.text for block in shown if not block.title)
    assert "Connector(" in code
    assert say([sys.executable, "-c", code], tmp_path) == ""


def test_a_connector_of_ones_own_passes_the_suite_as_the_page_shows_it(tmp_path):
    for block in blocks(PAGE):
        if block.title:
            (tmp_path / block.title).write_text(block.text, encoding="utf-8")
    (tmp_path / "pytest.ini").touch()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
    printed = execute([*command, "test_parquet_table.py"], tmp_path)
    passed = re.fullmatch(r".*\n(\d+) passed in [^\n]*\n", printed, flags=re.DOTALL)
    assert passed is not None, printed
    assert int(passed[1]) > 40


def test_the_page_about_io_managers_does_what_it_says(tmp_path):
    (shown,) = [b for b in blocks(DOCS / "io-managers.md") if b.language == "python"]
    (tmp_path / "lake").mkdir()
    code = shown.text + (
        "\nwith dg.DagsterInstance.ephemeral() as instance:\n"
        "    made = dict(resources=defs.resources, instance=instance)\n"
        "    for day in days.get_partition_keys():\n"
        "        assert dg.materialize([orders, large_orders], partition_key=day, **made).success\n"
        "    upstream = orders.to_source_assets()\n"
        "    assert dg.materialize([all_orders, *upstream], **made).success\n"
        "import pathlib\n"
        "print([p.read_text() for p in pathlib.Path('lake').rglob('mapped/*.jsonl')])\n"
    )
    printed = say([sys.executable, "-W", "ignore", "-c", code], tmp_path)
    assert printed.splitlines()[-1].count("amount") == 4, printed
