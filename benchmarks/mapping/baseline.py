"""Other matchers, in an environment of their own: ``baseline.py METHOD SECONDS``, cases as JSON lines in, answers out.

It imports nothing of this package, for its environment does not have it. A line is a case: name,
and for source and target a list of [path, values]. An answer has a score for each pair, and the
pairs that the matcher itself chooses. Each case is a process of its own, which the kernel ends
after so many CPU seconds, however busy the machine is; then the answer says that it was stopped,
and where it fails, with what.
"""

from __future__ import annotations

import json
import os
import re
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

Table = list[tuple[str, list[str | None]]]
Found = tuple[Mapping[tuple[str, str], float], list[tuple[str, str]]]


def _valentine(make: Callable[[Any], Any]) -> Callable[[Table, Table], Found]:
    def run(source: Table, target: Table) -> Found:
        import pandas as pd
        from valentine import algorithms, valentine_match

        frames = [pd.DataFrame(dict(side)) for side in (source, target)]
        found = valentine_match(frames, make(algorithms), df_names=["source", "target"])
        chosen = [(pair.source_column, pair.target_column) for pair in found.one_to_one_hungarian()]
        return {(p.source_column, p.target_column): float(s) for p, s in found.items()}, chosen

    return run


def _infermap(source: Table, target: Table) -> Found:
    import infermap
    import polars as pl

    engine = infermap.MapEngine(return_score_matrix=True)
    frames = [pl.DataFrame(dict(side), strict=False) for side in (source, target)]
    found = engine.map(*frames)
    scores = {
        (s, t): float(x) for s, row in (found.score_matrix or {}).items() for t, x in row.items()
    }
    return scores, [(mapping.source, mapping.target) for mapping in found.mappings]


METHODS: dict[str, Callable[[Table, Table], Found]] = {
    "coma": _valentine(lambda a: a.Coma()),
    "jaccard": _valentine(lambda a: a.JaccardDistanceMatcher()),
    "similarity_flooding": _valentine(lambda a: a.SimilarityFlooding()),
    "distribution": _valentine(lambda a: a.DistributionBased()),
    "infermap": _infermap,
}

#: What is imported before the first case, so that no case pays for it; nothing is run, for a
#: library that has begun threads cannot be forked.
_IMPORTS = {"infermap": ("infermap", "polars")}
_VALENTINE = ("pandas", "valentine.algorithms")
_WAITS = 10  # times as long on the clock: then even one that sleeps is ended


def main() -> None:
    """One answer a line, as soon as it is there."""
    name, limit = sys.argv[1], int(sys.argv[2])
    os.environ.update(POLARS_MAX_THREADS="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    for module in _IMPORTS.get(name, _VALENTINE):
        __import__(module)
    for line in sys.stdin:
        print(_in_a_process(METHODS[name], json.loads(line), limit), flush=True)


def _in_a_process(method: Callable[[Table, Table], Found], case: dict[str, Any], limit: int) -> str:
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        _answer(method, case, limit, theirs)
    os.close(theirs)
    with os.fdopen(ours, "rb") as answers:
        written = _read(answers.fileno(), child, time.monotonic() + _WAITS * limit)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return json.dumps({"name": case["name"], "stopped": True})
    return written.decode()


def _read(pipe: int, child: int, until: float) -> bytes:
    """All that the child writes; it is ended when its time is over."""
    parts: list[bytes] = []
    while select.select([pipe], [], [], max(0.0, until - time.monotonic()))[0]:
        part = os.read(pipe, 1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)
    os.kill(child, signal.SIGKILL)
    return b""


def _answer(
    method: Callable[[Table, Table], Found], case: dict[str, Any], limit: int, pipe: int
) -> NoReturn:
    """In the process of a case: written to the pipe, and the end."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
    try:
        scores, chosen = method(case["source"], case["target"])
        flat = [[source, target, score] for (source, target), score in scores.items()]
        seconds = time.process_time()
        given = {"name": case["name"], "scores": flat, "chosen": chosen, "seconds": seconds}
    except Exception as error:  # noqa: BLE001 - of a library: told, and the next case begins
        traceback.print_exc()
        given = {"name": case["name"], "failed": _told(error)}
    with os.fdopen(pipe, "wb") as answers:
        answers.write(json.dumps(given).encode())
    os._exit(0)


def _told(error: Exception) -> str:
    """An error without the paths of the machine it was on."""
    return re.sub(r"/\S*", "", f"{type(error).__name__}: {error}")[:200]


if __name__ == "__main__":
    main()
