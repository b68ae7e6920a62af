"""The forms in which people write the address of a blob."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from lume_dagster.connectors.azure_blob.account import Account
from lume_dagster.connectors.object_store.address import Address
from lume_dagster.errors import BatchError

_SHORT = ("az://", "azure://", "abfs://", "abfss://", "wasb://", "wasbs://")


def parse_uri(uri: str, account: Account) -> Address | None:
    """The container and key of a URI; None where it is none of Azure.

    ``az://container/key`` and ``abfss://container@account.dfs.core.windows.net/key`` are taken as
    they stand; in ``https://account.blob.core.windows.net/container/key`` what is
    percent-encoded is decoded.

    Raises:
        BatchError: it is of another account, or carries a SAS.
    """
    scheme = next((s for s in _SHORT if uri.startswith(s)), None)
    if scheme:
        place, _, key = uri.removeprefix(scheme).partition("/")
        container, at, host = place.partition("@")
        if at:
            _refuse_other_account(host.partition(".")[0], account)
        return Address(container, key)
    if uri.startswith(("https://", "http://")):
        return _from_url(uri, account)
    return None


def _from_url(uri: str, account: Account) -> Address:
    parts = urlsplit(uri)
    if parts.query or parts.fragment:
        raise BatchError(
            f"The URL {uri.partition('?')[0].partition('#')[0]} has something after its path; "
            "a source_path is seen by everybody and must not hold a SAS.",
            hint="write the URL without it, and what is special in names percent-encoded; "
            "a SAS belongs into the connector's sas_token",
        )
    home = urlsplit(account.url)
    path = parts.path
    if parts.netloc == home.netloc:
        path = path.removeprefix(home.path)
    else:
        _refuse_other_account(parts.netloc.partition(".")[0], account)
    container, _, key = path.lstrip("/").partition("/")
    return Address(container, unquote(key))


def _refuse_other_account(name: str, account: Account) -> None:
    if name != account.name:
        raise BatchError(
            f"The storage account {name!r} is another than the connector's, {account.name!r}.",
            hint=f"configure a connector for {name!r}",
        )
