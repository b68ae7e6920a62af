"""What holds for every connector: its secrets never show, and it can say whether it works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from lume_dagster.errors import ConnectorError

SECRET = "hunter2-Zażółć"  # noqa: S105 - made up, to be looked for


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

    @pytest.fixture
    def connector(self, config: Mapping[str, Any]) -> Any:
        """The connector under test."""
        return self.connector_type(**config)

    def test_it_says_in_sentences_that_it_works(self, connector: Any) -> None:
        """``test()`` yields sentences."""
        sentences = list(connector.test())
        assert sentences
        assert all(sentence.endswith(".") for sentence in sentences)

    def test_a_connector_that_cannot_work_says_so_without_its_secrets(
        self, config: Mapping[str, Any]
    ) -> None:
        """A refusal is a ConnectorError with a sentence, and no secret in it."""
        for wrong in self.broken(config):
            with pytest.raises(ConnectorError, match=r"\w") as caught:
                list(self.connector_type(**wrong).test())
            chain = [caught.value, caught.value.__cause__]
            assert SECRET not in "".join(map(str, chain))

    def test_no_secret_is_in_its_repr(self, config: Mapping[str, Any]) -> None:
        """Neither ``repr`` nor ``str`` shows the values of secret fields."""
        names: frozenset[str] = getattr(self.connector_type, "secret_fields", frozenset())
        for name in names:
            shown = self.connector_type(**{**config, name: SECRET})
            assert SECRET not in repr(shown) + str(shown)
