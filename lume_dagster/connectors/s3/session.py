"""Open an S3 bucket as somebody: by keys, by boto3's chain of credentials, or as nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from lume_dagster.connectors.object_store.bucket import Bucket
from lume_dagster.connectors.object_store.refusals import System, Where
from lume_dagster.errors import ConnectorError, MissingExtraError

_DEFAULT_REGION = "us-east-1"
#: How long a key of boto3's chain is used before boto3 is asked again; it knows when it expires.
_ASK_AGAIN = timedelta(minutes=10)

S3 = System(
    name="S3",
    bucket="bucket",
    rights={
        "list": "s3:ListBucket",
        "read": "s3:GetObject",
        "write": "s3:PutObject",
        "delete": "s3:PutObject and s3:DeleteObject",  # who lacks both is told of both
    },
    no_right=frozenset({"AccessDenied", "AllAccessDisabled", "AccountProblem"}),
    hints={
        "NoSuchBucket": "check the bucket in the connector's root",
        "InvalidAccessKeyId": "check aws_access_key_id, or the profile",
        "SignatureDoesNotMatch": "check aws_secret_access_key",
        "InvalidClientTokenId": "check aws_access_key_id, or the profile",
        "ExpiredToken": "the session has ended: log in again, or give fresh keys",
        "InvalidToken": "check aws_session_token",
        "RequestTimeTooSkewed": "set this machine's clock",
        "AuthorizationHeaderMalformed": "set region_name to the bucket's region",
        "PermanentRedirect": "set region_name to the bucket's region",
        "IllegalLocationConstraintException": "set region_name to the bucket's region",
        "incorrectly configured region": "set region_name to the bucket's region",
        "SlowDown": "run fewer batches at a time",
        "dns error": "check endpoint_url, or region_name",
        "list response": "check endpoint_url: what answers there is no S3",
        "valid authentication credentials": "check the profile, or log in again",
    },
)


@dataclass(frozen=True, slots=True)
class S3Login:
    """Where and as whom; secrets never show."""

    region: str | None
    endpoint: str | None
    profile: str | None
    key_id: str | None
    secret: str | None = field(repr=False)
    token: str | None = field(repr=False)
    unsigned: bool
    use_ssl: bool


def open_store(bucket: str, login: S3Login, options: Mapping[str, Any]) -> Bucket:
    """A client for a bucket.

    Raises:
        ConnectorError: no credentials are to be found, or half of a pair.
    """
    try:
        from obstore.store import S3Store
    except ImportError as error:
        raise MissingExtraError.for_extra("S3Connector", "s3") from error
    region, provider = _region(login), None if login.unsigned else _credentials(login)
    endpoint = (
        login.endpoint or f"{'https' if login.use_ssl else 'http'}://s3.{region}.amazonaws.com"
    )
    secrets = tuple(secret for secret in (login.secret, login.token) if secret)
    where = Where(S3, f"s3://{bucket}", endpoint, secrets)
    opener: Any = S3Store  # whose stubs want each option by its own name
    store = opener(
        bucket,
        region=region,
        skip_signature=login.unsigned,  # said, because the environment might say otherwise
        virtual_hosted_style_request=False,
        credential_provider=provider,
        **({"endpoint": login.endpoint} if login.endpoint or not login.use_ssl else {}),
        **options,
    )
    return Bucket(where, store)


def caller(login: S3Login) -> str:
    """Who asks, for people."""
    if login.unsigned:
        return "anybody"
    if login.endpoint:
        return f"the access key {_credentials(login)()['access_key_id']}"
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return str(_session(login).client("sts").get_caller_identity()["Arn"])
    except (BotoCoreError, ClientError):
        # Who it is, is told for convenience; what the key may do is what is tried afterwards.
        return f"the access key {_credentials(login)()['access_key_id']}"


def _region(login: S3Login) -> str:
    if login.region:
        return login.region
    known = None if login.unsigned or login.endpoint else _session(login).region_name
    return known or _DEFAULT_REGION


def _credentials(login: S3Login) -> Callable[[], dict[str, Any]]:
    """What the store asks for keys, again and again: what the environment says does not mix in."""
    if bool(login.key_id) != bool(login.secret):
        raise ConnectorError(
            "An access key has two halves, and the connector is given one.",
            hint="set both aws_access_key_id and aws_secret_access_key, or neither",
        )
    if login.key_id:
        pair = {"access_key_id": login.key_id, "secret_access_key": login.secret}
        fixed = {**pair, "token": login.token, "expires_at": None}
        return lambda: fixed
    found = _session(login).get_credentials()
    if found is None:
        raise ConnectorError(
            "No AWS credentials were found: no keys in the connector or the environment, no "
            "profile, no role of this machine.",
            hint="set aws_access_key_id and aws_secret_access_key by EnvVar, or profile_name",
        )

    def ask() -> dict[str, Any]:
        keys = found.get_frozen_credentials()  # boto3 renews what expires
        return {
            "access_key_id": keys.access_key,
            "secret_access_key": keys.secret_key,
            "token": keys.token,
            "expires_at": datetime.now(UTC) + _ASK_AGAIN,
        }

    return ask


def _session(login: S3Login) -> Any:
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise MissingExtraError.for_extra("S3Connector", "s3") from error
    try:
        return boto3.Session(
            profile_name=login.profile,
            region_name=login.region,
            aws_access_key_id=login.key_id,
            aws_secret_access_key=login.secret,
            aws_session_token=login.token,
        )
    except BotoCoreError as error:
        raise ConnectorError(
            f"The AWS configuration cannot be used: {error}.",
            hint="check profile_name and the files in ~/.aws",
        ) from None
