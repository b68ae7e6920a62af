"""What a test forgets is named, and what it puts back is not."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack

import duckdb
import pytest

from lume_dagster_tests.left_behind import own_imports, watched

HERE = tempfile.gettempdir()


def test_nothing_is_said_of_what_is_put_back(tmp_path, monkeypatch):
    with watched(0, HERE) as left:
        with monkeypatch.context() as patch, (tmp_path / "open").open("w"):
            patch.setenv("LUME_LEFT", "hunter2")
            patch.chdir(tmp_path)
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
        subprocess.run([sys.executable, "-c", ""], check=True)
    assert left == []


@pytest.mark.parametrize("before", [None, "old"])
def test_a_variable_is_named_without_its_value(monkeypatch, before):
    if before:
        monkeypatch.setenv("LUME_LEFT", before)
    with watched(0, HERE) as left:
        monkeypatch.setenv("LUME_LEFT", "hunter2")
    assert left == ["the variable LUME_LEFT"]


def test_a_setting_is_shown_as_it_was_and_is():
    limit = sys.getrecursionlimit()
    with watched(0, HERE) as left:
        sys.setrecursionlimit(limit + 1)
    sys.setrecursionlimit(limit)
    assert left == [f"the recursion limit: {limit} became {limit + 1}"]


def test_a_thread_a_process_and_a_database_are_named_until_they_end(tmp_path):
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="Ada", daemon=True)
    command = [sys.executable, "-c", "input()"]
    with ExitStack() as stack:
        with watched(0, HERE) as left:
            thread.start()
            process = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE))
            stack.enter_context(duckdb.connect(tmp_path / "left.duckdb"))
        with watched(60, HERE) as more:
            end.set()
    said = "; ".join(left)
    assert "the thread Ada" in said
    assert f"the process {process.pid} " in said
    assert "left.duckdb" in said
    assert more == []


def test_what_ends_a_little_later_is_waited_for():
    goes_on = threading.Event()
    with watched(60, HERE) as left:
        threading.Thread(target=goes_on.wait, args=(0.05,)).start()
    assert left == []


def test_a_project_that_was_loaded_is_forgotten_and_others_stay(tmp_path):
    (tmp_path / "of_this_test.py").touch()
    before = list(sys.path)
    with own_imports(str(tmp_path)):
        sys.path.insert(0, str(tmp_path))
        importlib.import_module("of_this_test")
        assert "of_this_test" in sys.modules
    assert "of_this_test" not in sys.modules
    assert "pytest" in sys.modules
    assert sys.path == before
