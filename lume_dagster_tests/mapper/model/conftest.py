"""No test asks a real provider: only functions, and servers on loopback where a test says so."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from pydantic_ai import models

KEY = "sk-made-up-0123456789abcdef"


@pytest.fixture(autouse=True)
def no_requests() -> Generator[None]:
    with models.override_allow_model_requests(allow_model_requests=False):
        yield


@pytest.fixture
def wire(no_requests: None, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """Requests over the wire are allowed, and the key is in its variable."""
    monkeypatch.setenv("MADE_UP_KEY", KEY)
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    with models.override_allow_model_requests(allow_model_requests=True):
        yield KEY
