"""moto's server, one request after the other: what it writes on a condition it first looks up.

Between the two another request could write, and two writers would both be told that they were first.
"""

from __future__ import annotations

import threading
from typing import Any

from moto import server

_TURN = threading.RLock()


class InTurns(server.DomainDispatcherApplication):
    """All of moto's services behind one lock."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        with _TURN:
            return super().__call__(environ, start_response)


if __name__ == "__main__":
    server.DomainDispatcherApplication = InTurns
    server.main()
