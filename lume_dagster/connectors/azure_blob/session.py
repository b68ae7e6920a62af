"""Open an Azure container as somebody: by key, by SAS, by an identity, or as nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lume_dagster.connectors.azure_blob.account import Account
from lume_dagster.connectors.azure_blob.remove import blob_remover
from lume_dagster.connectors.object_store.bucket import Bucket
from lume_dagster.connectors.object_store.refusals import System, Where
from lume_dagster.errors import ConnectorError, MissingExtraError

_SCOPE = "https://storage.azure.com/.default"
_WRITER = "write, create and delete in the SAS, or the role Storage Blob Data Contributor,"

AZURE = System(
    name="Azure Blob Storage",
    bucket="container",
    rights={
        "list": "list in the SAS, or the role Storage Blob Data Reader,",
        "read": "read in the SAS, or the role Storage Blob Data Reader,",
        "write": _WRITER,
        "delete": _WRITER,
    },
    no_right=frozenset(
        {
            "AuthorizationPermissionMismatch",
            "AuthorizationResourceTypeMismatch",
            "AuthorizationServiceMismatch",
            "AuthorizationProtocolMismatch",
            "InsufficientAccountPermissions",
            "UnauthorizedBlobOverwrite",
        }
    ),
    hints={
        "ContainerNotFound": "check the container in the connector's root",
        "ResourceNotFound": "check the container; anonymous reading may be off",
        "AuthorizationFailure": "check the key, the SAS, or the account's network rules",
        "AuthenticationFailed": "check account_key, or whether the SAS has expired",
        "NoAuthenticationInformation": "give a key, a SAS or an identity",
        "PublicAccessNotPermitted": "the account allows no anonymous reading",
        "AccountIsDisabled": "the storage account is disabled",
        "ServerBusy": "run fewer batches at a time",
        "dns error": "check account_name or account_url",
        "list response": "check account_url: what answers there is no blob storage",
        "Invalid Access Key": "check account_key: it is base64, copied whole",
        "SAS query pair": "check sas_token: it looks like sv=...&sig=...",
        "valid authentication credentials": "log in (az login), or give the machine an identity",
    },
)


@dataclass(frozen=True, slots=True)
class AzureLogin:
    """Where and as whom; secrets never show."""

    account: Account
    key: str | None = field(repr=False)
    sas: str | None = field(repr=False)
    identity: str | None
    anonymous: bool


def open_store(
    container: str, login: AzureLogin, options: Mapping[str, Any], seconds: float
) -> Bucket:
    """A client for a container."""
    try:
        from obstore.store import AzureStore
    except ImportError as error:
        raise MissingExtraError.for_extra("AzureBlobConnector", "azure") from error
    secrets = tuple(secret for secret in (login.key, login.sas) if secret)
    where = Where(AZURE, f"az://{container}", login.account.url, secrets)
    credentials = None if login.anonymous else _credentials(login)
    opener: Any = AzureStore  # whose stubs want each option by its own name
    store = opener(
        container,
        account_name=login.account.name,
        endpoint=login.account.url,
        skip_signature=login.anonymous,  # said, because the environment might say otherwise
        credential_provider=credentials,
        **options,
    )
    if credentials is None or login.key:
        return Bucket(where, store)
    return Bucket(where, store, blob_remover(where, container, credentials, seconds))


def caller(login: AzureLogin) -> str:
    """Who asks, for people."""
    if login.anonymous:
        return "anybody"
    if login.key:
        return f"the key of account {login.account.name}"
    if login.sas:
        return f"a SAS for account {login.account.name}"
    return f"the managed identity {login.identity}" if login.identity else "the default credential"


def _credentials(login: AzureLogin) -> Callable[[], dict[str, Any]]:
    """What the store asks for credentials: what the environment says does not mix in."""
    if login.key and login.sas:
        raise ConnectorError(
            "The connector has both an account key and a SAS.", hint="give one of them"
        )
    if login.key:
        return _fixed({"access_key": login.key})
    if login.sas:
        return _fixed({"sas_token": login.sas.removeprefix("?")})
    return _identity(login)


def _fixed(values: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    return lambda: {**values, "expires_at": None}


def _identity(login: AzureLogin) -> Callable[[], dict[str, Any]]:
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError as error:
        raise MissingExtraError.for_extra("AzureBlobConnector", "azure") from error
    chain = DefaultAzureCredential(managed_identity_client_id=login.identity)

    def ask() -> dict[str, Any]:
        token = chain.get_token(_SCOPE)  # it keeps what it has and renews what expires
        expires = datetime.fromtimestamp(token.expires_on, UTC)
        return {"token": token.token, "expires_at": expires}

    return ask
