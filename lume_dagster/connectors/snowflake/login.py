"""What it takes to log in to Snowflake: a password, a key pair, a token or a browser."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lume_dagster.connectors.hidden import without_secrets
from lume_dagster.errors import ConnectorError, MissingExtraError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

#: What every session of ours is set to; the connector's own ``session_parameters`` win.
SESSION_PARAMETERS: Mapping[str, str | int | bool] = {
    "ABORT_DETACHED_QUERY": True,  # what a killed process left running ends soon
    "CLIENT_RESULT_CHUNK_SIZE": 16,  # megabytes: four are fetched ahead
    "JSON_INDENT": 0,
    "MULTI_STATEMENT_COUNT": 1,
    "QUERY_TAG": "lume",
    "QUOTED_IDENTIFIERS_IGNORE_CASE": False,
    "TIMEZONE": "UTC",  # the same batch reads the same, whoever asks
}

_SECRETS = ("password", "token", "private_key_password", "passcode", "oauth_client_secret")
_SHORTEST_SECRET = 4  # shorter ones cannot be told from words


@dataclass(frozen=True, slots=True)
class Login:
    """Where and as whom to connect. Nothing of it but ``where`` is ever shown."""

    where: str
    arguments: Mapping[str, Any] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    def clean(self, text: str) -> str:
        """The text without any secret."""
        return without_secrets(text, self.secrets)


def make_login(given: Mapping[str, Any], parameters: Mapping[str, Any]) -> Login:
    """A login from the arguments of ``snowflake.connector.connect``, as far as they are given.

    Raises:
        ConnectorError: too little or too much is given, or the private key cannot be read.
    """
    arguments = {name: value for name, value in given.items() if value is not None}
    _refuse_wrong_mix(arguments)
    secrets = [str(arguments[name]) for name in _SECRETS if name in arguments]
    secrets += [str(arguments["private_key"])] if "private_key" in arguments else []
    _read_private_key(arguments)
    arguments["session_parameters"] = {
        **SESSION_PARAMETERS,
        **parameters,
        **arguments.get("session_parameters", {}),
    }
    host = arguments.get("host") or f"{arguments['account']}.snowflakecomputing.com"
    port = f":{arguments['port']}" if "port" in arguments else ""
    known = tuple(sorted({s for s in secrets if len(s) >= _SHORTEST_SECRET}, key=len, reverse=True))
    return Login(f"{host}{port}", arguments, known)


def _refuse_wrong_mix(arguments: Mapping[str, Any]) -> None:
    proofs = [n for n in ("password", "private_key", "private_key_path") if n in arguments]
    if len(proofs) > 1:
        raise ConnectorError(
            f"The connector has {' and '.join(proofs)}; Snowflake takes one of them.",
            hint="keep the one that the user logs in with",
        )
    if "token" in arguments and "authenticator" not in arguments:
        raise ConnectorError(
            "The connector has a token and does not say of what kind it is.",
            hint="set authenticator to oauth or programmatic_access_token",
        )
    if not proofs and "token" not in arguments and "authenticator" not in arguments:
        raise ConnectorError(
            "The connector has nothing to log in with.",
            hint="set password, private_key, private_key_path, or authenticator (with a token)",
        )


def _read_private_key(arguments: dict[str, Any]) -> None:
    """Put the key itself, unlocked, in place of its text or of the path of its file."""
    path, text = arguments.pop("private_key_path", None), arguments.pop("private_key", None)
    password = arguments.pop("private_key_password", None)
    if path is None and text is None:
        return
    if path is not None:
        try:
            text = Path(path).expanduser().read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConnectorError(
                f"The private key file {path} cannot be read: {error}",
                hint="private_key_path names a PEM file, as openssl writes it",
            ) from None
    arguments["private_key"] = _der(str(text), str(password).encode() if password else None)
    arguments.setdefault("authenticator", "SNOWFLAKE_JWT")


def _der(text: str, password: bytes | None) -> bytes:
    try:
        from cryptography.hazmat.primitives import serialization
    except ImportError as error:
        raise MissingExtraError.for_extra("SnowflakeConnector", "snowflake") from error
    key = _load(text, password)
    return key.private_bytes(
        encoding=serialization.Encoding.DER,
        format=serialization.PrivateFormat.PKCS8,
        encryption_algorithm=serialization.NoEncryption(),
    )


def _load(text: str, password: bytes | None) -> PrivateKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        # Like dagster-snowflake: the PEM text, or the PEM text in base64, on one line.
        pem = text.encode() if "-----BEGIN" in text else base64.b64decode(text, validate=False)
        return load_pem_private_key(pem, password)
    except TypeError:
        lacking = "is encrypted and private_key_password is not set"
        if password is not None:
            lacking = "is not encrypted and private_key_password is set"
        raise ConnectorError(f"The connector's private key {lacking}.") from None
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        raise ConnectorError(
            "The connector's private key cannot be read, or its password is wrong.",
            hint="give the PEM text (or the PEM text in base64), or private_key_path",
        ) from None
