"""Where and as whom to connect to a MySQL server, over which encryption."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote

from lume_dagster.connectors.hidden import without_secrets
from lume_dagster.connectors.sql.uri import split_uri
from lume_dagster.errors import ConnectorError

_SCHEMES = {"mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql"}
_PORT = 3306
_OPTIONS = {"ssl_mode", "ssl_ca", "ssl_cert", "ssl_key", "charset"}

#: ``ssl_mode``: encrypted where the server can, never, always, with a certificate that an authority
#: signed, and with one that also names the host.
SSL_MODES = ("preferred", "disabled", "required", "verify_ca", "verify_identity")


@dataclass(frozen=True, slots=True)
class Encryption:
    """The files of certificates and how much is asked of them."""

    mode: str = "preferred"
    ca: str | None = None
    cert: str | None = None
    key: str | None = None

    def options(self) -> dict[str, Any]:
        """What ``pymysql.connect`` is told.

        Raises:
            ConnectorError: there is no such mode, or a file cannot be read.
        """
        mode = self.mode.lower().replace("-", "_")
        if mode not in SSL_MODES:
            raise ConnectorError(
                f"There is no ssl_mode {self.mode!r}.", hint=f"known: {', '.join(SSL_MODES)}"
            )
        if mode == "preferred" and not (self.ca or self.cert):
            return {}
        if mode == "disabled":
            return {"ssl_disabled": True}
        return {"ssl": self._context(mode)}

    def _context(self, mode: str) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.cert:
                context.load_cert_chain(self.cert, self.key)
        except (OSError, ssl.SSLError) as error:
            raise ConnectorError(
                f"The certificates of the connector cannot be read: {error}",
                hint="check ssl_ca, ssl_cert and ssl_key",
            ) from None
        # The certificate that a MySQL server makes for itself is not as strict as Python 3.13.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        verify = mode.startswith("verify")
        context.check_hostname = mode == "verify_identity"
        context.verify_mode = ssl.CERT_REQUIRED if verify or self.ca else ssl.CERT_NONE
        return context


@dataclass(frozen=True, slots=True)
class Login:
    """Where and as whom to connect. Nothing of it but ``where`` is ever shown."""

    where: str
    database: str | None
    options: Mapping[str, Any] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    def clean(self, text: str) -> str:
        """The text without any secret."""
        return without_secrets(text, self.secrets)


def login_from_parts(parts: Mapping[str, Any], encryption: Encryption) -> Login:
    """A login from host, port, database, user and password."""
    password, database = parts.get("password") or "", parts.get("database") or None
    where = f"{parts['host']}:{parts['port']}" + (f"/{database}" if database else "")
    options = {
        "host": parts["host"],
        "port": parts["port"],
        "user": parts.get("user") or "",
        "password": password.encode(),  # PyMySQL would take it for Latin-1
        "database": database,
        **encryption.options(),
    }
    return Login(where, database, options, (password,) if password else ())


def login_from_uri(uri: str, encryption: Encryption) -> Login:
    """A login from a ``mysql://`` URI; ``?ssl_mode=`` and ``ssl_ca=`` may follow."""
    split = split_uri(uri, _SCHEMES, _PORT)
    asked = _asked(split[0]) if split else {}
    if split is None or asked.keys() - _OPTIONS:
        raise ConnectorError(
            "The connector's uri is not the URI of a MySQL database.",
            hint="write mysql://user:password@host:3306/database, with %40 for @ and the like for "
            "what is special; after a question mark ssl_mode, ssl_ca, ssl_cert and ssl_key",
        )
    parts, port = split
    given = {
        "host": parts.hostname or "localhost",
        "port": port,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": unquote(parts.path.strip("/")),
    }
    login = login_from_parts(
        given,
        Encryption(
            asked.get("ssl_mode", encryption.mode),
            asked.get("ssl_ca", encryption.ca),
            asked.get("ssl_cert", encryption.cert),
            asked.get("ssl_key", encryption.key),
        ),
    )
    secrets = {uri, parts.password or "", *login.secrets} - {""}
    longest_first = tuple(sorted(secrets, key=len, reverse=True))
    return Login(login.where, login.database, login.options, longest_first)


def _asked(parts: SplitResult) -> dict[str, str]:
    """The options of a URI; the last where one is said twice."""
    return {name: values[-1] for name, values in parse_qs(parts.query).items()}
