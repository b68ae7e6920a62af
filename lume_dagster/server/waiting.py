"""Clients that wait for runs: one look at the instance for all of them, and no thread for any."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

import dagster as dg
from starlette.concurrency import run_in_threadpool

from lume_dagster.orchestration.query import ended_among

LONGEST = 60.0
_PAUSE = 0.2  # seconds between two looks


@dataclass(slots=True)
class Waiting:
    """The runs that somebody waits for; its state belongs to the server's event loop."""

    instance: dg.DagsterInstance
    _wanted: Counter[str] = field(default_factory=Counter)
    _looked: asyncio.Event = field(default_factory=asyncio.Event)
    _ended: frozenset[str] = frozenset()
    _looking: asyncio.Task[None] | None = None
    _stopped: bool = False

    async def wait(self, run_id: str, seconds: float) -> None:
        """Come back when the run has ended, after some seconds, or when the server stops."""
        self._wanted[run_id] += 1
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while run_id not in self._ended and not self._stopped:
                        await self._next_look()
        finally:
            self._wanted -= Counter([run_id])  # a run nobody waits for is gone from it

    def stop(self) -> None:
        """Answer all who wait, as the server is about to end."""
        self._stopped = True
        self._looked.set()

    async def _next_look(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        looking = self._looking
        await self._looked.wait()
        if looking.done():
            looking.result()  # raises what went wrong, for each who waits

    async def _look(self) -> None:
        try:
            while self._wanted and not self._stopped:
                wanted = tuple(self._wanted)
                self._ended = await run_in_threadpool(ended_among, self.instance, wanted)
                self._tell()
                await asyncio.sleep(_PAUSE)
        finally:
            self._tell()

    def _tell(self) -> None:
        looked, self._looked = self._looked, asyncio.Event()
        looked.set()
