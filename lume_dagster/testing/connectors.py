"""What holds for every connector: its secrets never show, and it can say whether it works."""

from __future__ import annotations

import logging
import socket
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

from lume_dagster.connectors.protocol import Column
from lume_dagster.errors import ConnectorError, TransientError

SECRET = "hunter2-Zażółć"  # noqa: S105 - made up, to be looked for
_SHORTEST_SECRET = 4  # a shorter one would be found in any text


class ConnectorSuite:
    """The hooks of a connector under test, and the tests that need nothing else."""

    #: The class under test; it must be importable by its name.
    connector_type: ClassVar[type[Any]]

    @pytest.fixture
    def config(self, tmp_path: Path) -> Mapping[str, Any]:
        """What the connector is made with, for a system that is empty."""
        raise NotImplementedError

    def broken(self, config: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Configurations that cannot work (a wrong password, no such host); may hold ``SECRET``."""
        raise NotImplementedError

    def drifted(self, column: Column, value: Any) -> Any:  # noqa: ARG002 - a hook
        """What a value has become when it is read, where the system changes it.

        Override it only for a drift that the connector's page states.
        """
        return value

    @pytest.fixture
    def connector(self, config: Mapping[str, Any]) -> Any:
        """The connector under test."""
        return self.connector_type(**config)

    def test_it_says_in_sentences_that_it_works(
        self, connector: Any, config: Mapping[str, Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        """``test()`` yields sentences, none with a secret in it; nor is one logged."""
        caplog.set_level(logging.INFO)
        sentences = list(connector.test())
        assert sentences
        assert all(sentence.endswith(".") for sentence in sentences)
        shown = "\n".join([*sentences, caplog.text])
        assert [name for name, value in self._secrets(config) if value in shown] == []

    def test_a_connector_that_cannot_work_says_so_without_its_secrets(
        self,
        config: Mapping[str, Any],
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """A refusal is a ConnectorError with a sentence; no secret in it, its chain or the log."""
        caplog.set_level(logging.INFO)
        for wrong in self.broken(config):
            with pytest.raises(ConnectorError, match=r"\w") as caught:
                list(self.connector_type(**wrong).test())
            shown = "".join(traceback.format_exception(caught.value))
            values = [SECRET, *(value for _, value in self._secrets(wrong))]
            assert [value for value in values if value in shown] == []
        assert SECRET not in caplog.text + "".join(capfd.readouterr())

    def test_no_secret_is_in_its_repr(self, config: Mapping[str, Any]) -> None:
        """Neither ``repr`` nor ``str`` shows the values of secret fields."""
        names: frozenset[str] = getattr(self.connector_type, "secret_fields", frozenset())
        for name in names:
            shown = self.connector_type(**{**config, name: SECRET})
            assert SECRET not in repr(shown) + str(shown)

    def test_a_field_it_does_not_have_is_refused_without_a_secret(
        self, config: Mapping[str, Any]
    ) -> None:
        """A misspelled field is named, and the values of the others are not shown."""
        with pytest.raises(ValueError, match="pasword") as caught:
            self.connector_type(**{**config, "pasword": SECRET})
        assert SECRET not in "".join(traceback.format_exception(caught.value))

    def _secrets(self, config: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The values that must not show: those given for secret fields."""
        names: frozenset[str] = getattr(self.connector_type, "secret_fields", frozenset())
        given = [(name, str(value)) for name, value in config.items() if name in names and value]
        return [(name, value) for name, value in given if len(value) >= _SHORTEST_SECRET]


class ServerSuite(ConnectorSuite):
    """Inherit this too for a connector that speaks to a server: it must not wait for ever."""

    #: Seconds within which a server that does not answer is given up.
    patience: ClassVar[float] = 300.0
    #: Whether its client itself has tried again for as long as the connector says, so that runs
    #: need not.
    insists: ClassVar[bool] = False

    def silent(self, config: Mapping[str, Any], host: str, port: int) -> Mapping[str, Any]:
        """A configuration with short timeouts for the server at ``host`` and ``port``."""
        raise NotImplementedError

    def test_a_server_that_does_not_answer_is_given_up(self, config: Mapping[str, Any]) -> None:
        """It takes the connection and says nothing: a ConnectorError after the timeout."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            given = self.silent(config, *server.getsockname())
            started = time.monotonic()
            with pytest.raises(ConnectorError, match=r"\w"):
                list(self.connector_type(**given).test())
        assert time.monotonic() - started < self.patience

    def test_a_server_that_is_not_there_may_come_back(self, config: Mapping[str, Any]) -> None:
        """While it restarts, nobody answers: a TransientError too."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            given = self.silent(config, *server.getsockname())
        with pytest.raises(self._given_up, match=r"\w"):
            list(self.connector_type(**given).test())

    def test_a_server_that_hangs_up_may_answer_later(self, config: Mapping[str, Any]) -> None:
        """It restarts, or what stands before it moves: a TransientError, so that runs try again."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            given = self.silent(config, *server.getsockname())
            hanging_up = Thread(target=_hang_up, args=(server,))
            hanging_up.start()
            try:
                with pytest.raises(self._given_up, match=r"\w"):
                    list(self.connector_type(**given).test())
            finally:
                server.shutdown(socket.SHUT_RDWR)
                hanging_up.join()

    @property
    def _given_up(self) -> type[ConnectorError]:
        return ConnectorError if self.insists else TransientError


def _hang_up(server: socket.socket) -> None:
    """Take connections and end them, until the server is shut down."""
    with suppress(OSError):
        while True:
            server.accept()[0].close()
