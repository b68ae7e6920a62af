"""A delivery's temporary folder goes when it ends, and when it was killed, with the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from lume_dagster.connectors.file_table.work_folder import work_folder

HOLD = """
import os
from lume_dagster.connectors.file_table.work_folder import work_folder
with work_folder() as folder:
    (folder / "rows").write_text("x")
    print(folder, flush=True)
    input()
"""


def held_by_a_process(home):
    """A process that holds a folder below ``home``, and that folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        env={**os.environ, "TMPDIR": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, Path(process.stdout.readline().strip())


def test_a_folder_is_gone_after_its_delivery():
    with work_folder() as folder:
        (folder / "rows").write_text("x")
    assert not folder.exists()


def test_a_folder_of_a_killed_process_goes_with_the_next_delivery_and_no_other(tmp_path):
    living, its = held_by_a_process(tmp_path)
    dead, left = held_by_a_process(tmp_path)
    dead.send_signal(signal.SIGKILL)
    dead.communicate()
    assert left.is_dir()
    after, _ = held_by_a_process(tmp_path)
    assert (its.is_dir(), left.is_dir()) == (True, False)
    for process in (living, after):
        process.communicate("\n")
        assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []
