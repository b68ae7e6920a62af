"""Errors and lost answers that a test asks for, so that what comes rarely can be seen."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

from lume_dagster_tests.servers.databricks.rights import Rights


@dataclass
class Fault:
    """What happens to the next statements that match.

    ``when`` is ``before`` (the statement is not run), or ``after`` (it is run, its answer is lost).
    """

    pattern: str
    message: str
    times: int = 1
    when: str = "before"


class Faults:
    """The faults still to happen, and every statement that came."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()
        self.statements: list[dict[str, object]] = []
        self.rights = Rights()

    def add(self, fault: Fault) -> None:
        """Ask for a fault."""
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._waiting.clear()
            self.statements.clear()
            self.rights = Rights()

    def happen(self, statement: str, when: str) -> None:
        """Raise the first fault that is meant for this statement."""
        with self._lock:
            for fault in self._waiting:
                if fault.times and fault.when == when and re.search(fault.pattern, statement):
                    fault.times -= 1
                    raise RuntimeError(fault.message)
