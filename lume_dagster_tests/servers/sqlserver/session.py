"""One client's session, from its first packet to its last."""

from __future__ import annotations

import socket
import struct
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import duckdb

from lume_dagster_tests.servers.sqlserver import bulk, login, tokens, wire
from lume_dagster_tests.servers.sqlserver.batch import Batch
from lume_dagster_tests.servers.sqlserver.engine import Engine
from lume_dagster_tests.servers.sqlserver.faults import SqlError
from lume_dagster_tests.servers.sqlserver.rpc import Calls
from lume_dagster_tests.servers.sqlserver.server import Account, Server, log

_BEGIN, _COMMIT, _ROLLBACK = 5, 7, 8
_SEVERE = 20


class Watch:
    """Interrupts what DuckDB does for a client that speaks up, or goes, while it is answered."""

    def __init__(self, line: wire.Wire, connection: duckdb.DuckDBPyConnection) -> None:
        self._wire, self._connection = line, connection
        self._busy, self._over = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        threading.Thread(target=self._look, daemon=True).start()

    @contextmanager
    def on(self) -> Iterator[None]:
        """Watch in the block."""
        self._busy.set()
        try:
            yield
        finally:
            with self._lock:  # what comes now is the next request
                self._busy.clear()

    def end(self) -> None:
        """No more."""
        self._over.set()
        self._busy.set()

    def _look(self) -> None:
        while self._busy.wait() and not self._over.is_set():
            with self._lock:
                if self._busy.is_set() and self._wire.wants_attention():
                    self._connection.interrupt()
            self._over.wait(0.05)


class Session:
    """Answers one client; what it holds goes when it goes."""

    def __init__(self, server: Server, connection: socket.socket) -> None:
        self.server = server
        self.wire = wire.Wire(connection)
        self.engine = Engine(server.connection())
        self.number = server.enter(self)
        self.login = login.Login("", "", "")
        self.account = Account("")
        self.lock_timeout = -1.0
        self.load: bulk.Load | None = None
        self._calls = Calls(self)
        self._watch = Watch(self.wire, self.engine.connection)

    def serve(self) -> None:
        """Answer until the client goes; then undo what it has not committed."""
        try:
            while True:
                self._answer(self.wire.receive())
        except (EOFError, OSError):
            log(self.number, "is gone")
        finally:
            self._leave()

    def kill(self) -> None:
        """End it from another thread; one that is just leaving has closed its connection."""
        with suppress(duckdb.Error):
            self.engine.connection.interrupt()
        self.wire.close()

    def end_transaction(self) -> None:
        """Locks that end with a transaction."""
        if self.engine.depth == 0:
            self.server.locks.give_back_all((self.number, "Transaction"))

    def _leave(self) -> None:
        self._watch.end()
        self.engine.rollback()
        self.engine.connection.close()
        self.server.leave(self.number)
        self.wire.close()

    def _answer(self, message: wire.Message) -> None:
        log(self.number, "<<", message.kind)
        try:
            if message.kind == wire.BULK:
                self._load(message)
            else:
                _ANSWERS[message.kind](self, message.whole())
        except wire.AbandonedError:
            log(self.number, "took a message back")
            self.engine.rollback()

    def _prelogin(self, message: bytes) -> None:
        encrypted = login.wants_encryption(message)
        self.wire.send(login.prelogin_answer(encrypted=encrypted))
        if encrypted:
            self.wire.start_tls(self.server.tls)

    def _login(self, message: bytes) -> None:
        asked = login.read_login(message)
        database = asked.database or "master"
        try:
            account = self.server.account(asked.user, asked.password)
            self.engine.use(database)
        except SqlError as fault:
            self.wire.send(tokens.failed(fault))
            raise EOFError from fault
        self.login, self.account = asked, account
        self.wire.send(tokens.welcome(database, asked.packet_size, features=asked.features))
        self.wire.packet_size = asked.packet_size

    def _batch(self, message: bytes) -> None:
        text = _after_headers(message).decode("utf-16-le")
        self._stream(Batch(self, text).run({}))

    def _call(self, message: bytes) -> None:
        self._stream(self._calls.answer(_after_headers(message)), token=tokens.DONE_PROC)

    def _attention(self, _: bytes) -> None:
        self.wire.send(tokens.done(tokens.ATTENTION))

    def _transaction(self, message: bytes) -> None:
        body = _after_headers(message)
        kind = struct.unpack_from("<H", body)[0]
        mine = struct.pack("<Q", self.number)
        try:
            answer = self._change_transaction(kind, body, mine)
        except SqlError as fault:
            answer = tokens.failed(fault)
        self.wire.send(answer)

    def _change_transaction(self, kind: int, body: bytes, mine: bytes) -> bytes:
        if kind == _BEGIN:
            self.engine.begin()
            return tokens.transaction_changed(8, mine, b"") + tokens.done()
        if kind not in {_COMMIT, _ROLLBACK}:
            raise SqlError(50000, f"This stand-in does not know the transaction request {kind}.")
        commit = kind == _COMMIT
        (self.engine.commit if commit else self.engine.rollback)()
        self.end_transaction()
        answer = tokens.transaction_changed(9 if commit else 10, b"", mine)
        at = 3 + body[2]  # the name of the transaction
        if at < len(body) and body[at] & 1:
            self.engine.begin()
            answer += tokens.transaction_changed(8, mine, b"")
        return answer + tokens.done()

    def _rolled_back(self) -> bytes:
        """Tell the client of a transaction that ended without its asking."""
        aborted, self.engine.aborted = self.engine.aborted, False
        mine = struct.pack("<Q", self.number)
        return tokens.transaction_changed(10, b"", mine) if aborted else b""

    def _load(self, message: wire.Message) -> None:
        try:
            count = bulk.load(self.engine, self.load, message.parts)
            answer = tokens.done(tokens.COUNT, count, command=tokens.BULK)
        except SqlError as fault:
            for _ in message.parts:
                log("rows after an error")
            answer = self._rolled_back() + tokens.failed(fault)
        self.wire.send(answer)

    def _stream(self, answer: Iterator[bytes], *, token: int = tokens.DONE) -> None:
        """Send an answer as it is made, until it ends, fails, or the client has enough."""
        pending = b""
        try:
            with self._watch.on():
                for part in answer:
                    pending = self.wire.send_part(pending + part)
                    if self.wire.wants_attention():
                        break
        except SqlError as fault:
            log(self.number, "fails:", fault)
            self.wire.send(pending + self._rolled_back() + tokens.failed(fault, token=token))
            if fault.severity >= _SEVERE:
                raise EOFError from fault
            return
        except (EOFError, OSError, wire.AbandonedError):
            raise
        except Exception as error:  # noqa: BLE001 - a fault of the stand-in is told, not hidden
            traceback.print_exc()
            words = f"The stand-in itself failed: {type(error).__name__}: {error}"
            pending += tokens.failed(SqlError(50000, words[:1500]), token=token)
        finally:
            self.end_transaction()
        self.wire.send(pending)


def _after_headers(message: bytes) -> bytes:
    return message[struct.unpack_from("<I", message)[0] :]


_ANSWERS: dict[int, Any] = {
    wire.PRELOGIN: Session._prelogin,
    wire.LOGIN: Session._login,
    wire.BATCH: Session._batch,
    wire.RPC: Session._call,
    wire.ATTENTION: Session._attention,
    wire.TRANSACTION: Session._transaction,
}
