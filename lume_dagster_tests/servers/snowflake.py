"""Snowflake's double: fakesnow with the repairs of ``fakesnow_repairs``, or a real account.

With LUME_TEST_SNOWFLAKE_ACCOUNT in the environment the same tests run against that account, as
LUME_TEST_SNOWFLAKE_USER with ..._PASSWORD or ..._PRIVATE_KEY_PATH, ..._ROLE and ..._WAREHOUSE.
The role must be able to create databases; each test makes its own and drops it.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lume_dagster_tests.servers.fleet import server
from lume_dagster_tests.servers.process import answers, free_port, installed, running

_ENVIRONMENT = "LUME_TEST_SNOWFLAKE_"
_REPAIRS = Path(__file__).parent / "fakesnow_repairs"


@dataclass(frozen=True)
class SnowflakeServer:
    """A running double of Snowflake, or an account."""

    login: dict[str, Any] = field(repr=False)
    private_key: str | None = field(default=None, repr=False)  # the double's user has it
    token: str | None = field(default=None, repr=False)

    @property
    def is_double(self) -> bool:
        """Whether it is not the real service."""
        return self.private_key is not None

    def config(self, database: str | None = None) -> dict[str, Any]:
        """What a ``SnowflakeConnector`` for one of its databases is made with."""
        return {**self.login, "database": database, "schema": "PUBLIC" if database else None}

    @contextmanager
    def connect(self, database: str | None = None) -> Iterator[Any]:
        """A cursor that commits each statement."""
        from snowflake import connector

        given = {name: value for name, value in self.config(database).items() if value is not None}
        with (
            connector.connect(**given, paramstyle="qmark", arrow_number_to_decimal=True) as made,
            made.cursor() as cursor,
        ):
            yield cursor

    @contextmanager
    def new_database(self) -> Iterator[str]:
        """An empty database for one test, with the schema PUBLIC."""
        name = f"LUME_TEST_{secrets.token_hex(6).upper()}"
        with self.connect() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {name}.PUBLIC")
        try:
            yield name
        finally:
            with self.connect() as cursor:
                cursor.execute(f"DROP DATABASE {name}")


@contextmanager
def snowflake_server() -> Iterator[SnowflakeServer]:
    """The account of the environment, or fakesnow; nothing is left behind.

    Raises:
        ServerUnavailable: fakesnow is not installed, or does not run here.
    """
    account = _account()
    if account:
        yield SnowflakeServer(account)
        return
    python = installed("fakesnow/bin/python")
    with tempfile.TemporaryDirectory(prefix="lume-snowflake-") as home:
        private, public = _key_pair()
        user = {"user": "app", "password": secrets.token_hex(12), "token": secrets.token_hex(12)}
        # Staged files lie in its TMPDIR and go with it.
        env = {**os.environ, "TMPDIR": home}
        env["LUME_SNOWFLAKE_DOUBLE"] = json.dumps({**user, "public_key": public})
        port = free_port()
        command, log = [python, "-W", "ignore", _REPAIRS, port], Path(home, "log")
        login = {
            "account": "double",
            "user": user["user"],
            "password": user["password"],
            "host": "127.0.0.1",
            "port": port,
            "protocol": "http",
            "warehouse": "WORK",
            "login_timeout": 60,
        }
        with running(command, log, lambda: answers(port), env=env):
            yield SnowflakeServer(login, private, user["token"])


def _account() -> dict[str, Any]:
    names = ("account", "user", "password", "private_key_path", "role", "warehouse", "host")
    found = {name: os.environ.get(_ENVIRONMENT + name.upper()) for name in names}
    return {name: value for name, value in found.items() if value} if found["account"] else {}


def _key_pair() -> tuple[str, str]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


snowflake = server("snowflake", "Snowflake", snowflake_server)


@pytest.fixture
def snowflake_database(snowflake: SnowflakeServer) -> Iterator[str]:
    """The name of an empty database on the server."""
    with snowflake.new_database() as name:
        yield name


@pytest.fixture
def snowflake_double(snowflake: SnowflakeServer) -> SnowflakeServer:
    """The double, for what a test cannot ask of a real account (its roles, its keys)."""
    if not snowflake.is_double:
        pytest.skip("NOT RUN: this asks for the double's own users and roles")
    return snowflake
