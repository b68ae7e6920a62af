"""A process of our own ends as if Python had taken it apart: same status, output, and last deeds."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

BEFORE = """
import atexit, sys, threading
from lume_dagster.ending import ending_at_once
class Told:
    def __del__(self): print("taken apart")
told = Told()
atexit.register(print, "last deed")
"""


def run(code: str) -> tuple[int, str, str]:
    command = [sys.executable, "-c", BEFORE + code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("ending", "status"),
    [("pass", 0), ("sys.exit()", 0), ("sys.exit(0)", 0), ("sys.exit(3)", 3), ("sys.exit(True)", 1)],
)
def test_what_it_registered_is_done_and_its_status_is_kept(ending, status):
    assert run(f"with ending_at_once():\n  print('work')\n  {ending}") == (
        status,
        "work\nlast deed\n",
        "",
    )


@pytest.mark.parametrize("ending", ["sys.exit('a sentence')", "raise ValueError('a sentence')"])
def test_one_that_fails_says_what_python_says(ending):
    status, said, complaint = run(f"with ending_at_once():\n  {ending}")
    assert (status, said) == (1, "last deed\ntaken apart\n")
    assert complaint.endswith("a sentence\n")


def test_a_thread_that_still_works_is_waited_for():
    status, said, _ = run(
        "ready = threading.Event()\n"
        "def work(): ready.wait(); print('thread')\n"
        "with ending_at_once():\n"
        "  threading.Thread(target=work).start()\n"
        "  threading.Timer(0.01, ready.set).start()\n"
    )
    assert (status, said) == (0, "thread\nlast deed\ntaken apart\n")


def test_where_nobody_reads_its_output_it_ends_as_usual():
    code = BEFORE + "sys.stdin.read()\nwith ending_at_once():\n  print('work')"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    ) as process:
        process.stdout.close()  # and only then may it go on
        process.stdin.close()
        complaint = process.stderr.read()
    assert b"BrokenPipeError" in complaint
    assert process.returncode == 120  # what Python says when the last flush fails
