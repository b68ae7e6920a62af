"""Other matchers, in an environment of their own: ``baseline.py METHOD SECONDS``, cases as JSON lines in, answers out.

It imports nothing of this package, for its environment does not have it. A line is a case: name,
and for source and target a list of [path, values]. An answer has a score for each pair, and the
pairs that the matcher itself chooses; or it says that it was stopped after so many CPU seconds.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

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


class _TooSlowError(Exception):
    """The CPU seconds of a case are over."""


def _stop(*_: object) -> None:
    raise _TooSlowError


def main() -> None:
    """One answer a line, as soon as it is there."""
    method, limit = METHODS[sys.argv[1]], float(sys.argv[2])
    method([("a", ["x", "y"])], [("a", ["x", "z"])])  # its imports are not the first case's
    signal.signal(signal.SIGVTALRM, _stop)
    for line in sys.stdin:
        print(json.dumps(_answer(method, json.loads(line), limit)), flush=True)


def _answer(method: Callable[[Table, Table], Found], case: dict[str, Any], limit: float) -> Any:
    began = time.process_time()
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, limit)
        scores, chosen = method(case["source"], case["target"])
    except _TooSlowError:
        return {"name": case["name"], "stopped": True}
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    seconds = time.process_time() - began
    flat = [[source, target, score] for (source, target), score in scores.items()]
    return {"name": case["name"], "scores": flat, "chosen": chosen, "seconds": seconds}


if __name__ == "__main__":
    main()
