"""What a contender says about its work, as the last line it prints."""

from __future__ import annotations

import json
from collections.abc import Mapping


def report(
    *,
    mapped: int = 0,
    rejected: int = 0,
    malformed: int = 0,
    codes: Mapping[str, int] | None = None,
    seconds: Mapping[str, float] | None = None,
    **figures: int,
) -> None:
    """Print the outcome; ``codes`` counts rows by ``field:CODE``, ``seconds`` are the steps."""
    outcome = {
        "mapped": mapped,
        "rejected": rejected + malformed,
        "codes": dict(sorted((codes or {}).items())),
        "seconds": {name: round(s, 6) for name, s in (seconds or {}).items()},
        **figures,
    }
    print(json.dumps(outcome), flush=True)
