"""Which storage account is meant: by its name, its URL or a connection string."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lume_dagster.errors import ConnectorError

_SUFFIX = "core.windows.net"


@dataclass(frozen=True, slots=True)
class Account:
    """A storage account's name, the URL of its blobs, and what a connection string knows more."""

    name: str
    url: str
    key: str | None = field(default=None, repr=False)
    sas: str | None = field(default=None, repr=False)


def account_of(name: str | None, url: str | None, connection_string: str | None) -> Account:
    """The account that the fields of a connector say.

    Raises:
        ConnectorError: none of them says it, or two say different things.
    """
    if connection_string:
        if name or url:
            raise ConnectorError(
                "The connector has a connection string, and an account beside it.",
                hint="leave account_name and account_url out",
            )
        return _from_connection_string(connection_string)
    if url:
        return _from_url(url, name)
    if name:
        return Account(name, f"https://{name}.blob.{_SUFFIX}")
    raise ConnectorError(
        "The connector names no storage account.",
        hint="set account_name, account_url or connection_string",
    )


def _from_url(url: str, name: str | None) -> Account:
    parts = urlsplit(url.replace(".dfs.", ".blob.", 1))
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
        raise ConnectorError(
            "The connector's account_url is not the URL of a storage account.",
            hint="write https://account.blob.core.windows.net; a SAS belongs into sas_token",
        )
    path = parts.path.strip("/")  # http://127.0.0.1:10000/devstoreaccount1
    found = name or path or parts.hostname.partition(".")[0]
    return Account(found, f"{parts.scheme}://{parts.netloc}{f'/{path}' if path else ''}")


def _from_connection_string(text: str) -> Account:
    pairs = (part.partition("=") for part in text.split(";") if part.strip())
    given = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if given.get("usedevelopmentstorage", "").lower() == "true":
        raise ConnectorError(
            "UseDevelopmentStorage says neither host nor key.",
            hint="write the emulator's full connection string",
        )
    name, endpoint = given.get("accountname"), given.get("blobendpoint")
    key, sas = given.get("accountkey"), given.get("sharedaccesssignature")
    if not (name or endpoint) or not (key or sas):
        raise ConnectorError(
            "The connector's connection_string is not that of a storage account.",
            hint="copy it from the account's access keys: AccountName=...;AccountKey=...",
        )
    if endpoint:
        found = _from_url(endpoint, name)
        return Account(found.name, found.url, key, sas)
    scheme = given.get("defaultendpointsprotocol", "https")
    suffix = given.get("endpointsuffix", _SUFFIX)
    return Account(str(name), f"{scheme}://{name}.blob.{suffix}", key, sas)
