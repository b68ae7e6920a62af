"""A place in an Azure storage container as source and as target."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from lume_dagster.connectors.azure_blob.account import Account, account_of
from lume_dagster.connectors.azure_blob.session import AzureLogin, caller, open_store
from lume_dagster.connectors.azure_blob.uris import parse_uri
from lume_dagster.connectors.object_store.address import Address
from lume_dagster.connectors.object_store.bucket import Bucket
from lume_dagster.connectors.object_store.connector import ObjectStoreConnector


class AzureBlobConnector(ObjectStoreConnector):
    """Azure Blob Storage, by account and one of: key, SAS, connection string, managed identity.

    Without a key, a SAS and a connection string, ``DefaultAzureCredential`` is asked: environment,
    workload identity, managed identity, Azure CLI.
    """

    kind: ClassVar[str] = "azure_blob"
    secret_fields: ClassVar[frozenset[str]] = frozenset(
        {"account_key", "sas_token", "connection_string"}
    )
    example_root: ClassVar[str] = "az://container/folder"
    scheme: ClassVar[str] = "az://"

    account_name: str | None = None
    account_url: str | None = None
    account_key: str | None = None
    sas_token: str | None = None
    connection_string: str | None = None
    managed_identity_client_id: str | None = None
    anonymous: bool = False

    def parse(self, uri: str) -> Address | None:
        """A container and a key, in any of the forms people write."""
        return parse_uri(uri, self._account)

    def open_bucket(self, name: str) -> Bucket:
        """A client for a container."""
        plain = urlsplit(self._account.url).scheme == "http"
        options = self.client_options(allow_http=plain)
        return open_store(name, self._login, options, self.number("request_timeout_seconds"))

    def who(self) -> str:
        """Which kind of credential is used."""
        return caller(self._login)

    @property
    def _account(self) -> Account:
        return account_of(
            self.optional_text("account_name"),
            self.optional_text("account_url"),
            self.optional_text("connection_string"),
        )

    @property
    def _login(self) -> AzureLogin:
        account = self._account
        return AzureLogin(
            account=account,
            key=self.optional_text("account_key") or account.key,
            sas=self.optional_text("sas_token") or account.sas,
            identity=self.optional_text("managed_identity_client_id"),
            anonymous=self.anonymous,
        )
