"""A place in an S3 bucket as source and as target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlsplit

from lume_dagster.connectors.object_store.address import Address
from lume_dagster.connectors.object_store.bucket import Bucket
from lume_dagster.connectors.object_store.connector import ObjectStoreConnector
from lume_dagster.connectors.s3.session import S3Login, caller, open_store

if TYPE_CHECKING:
    from dagster_aws.s3 import S3Resource

_SCHEMES = ("s3://", "s3a://", "s3n://")

#: What an ``S3Resource`` has under the same name.
_SHARED = (
    *("use_unsigned_session", "region_name", "endpoint_url", "max_attempts", "profile_name"),
    *("use_ssl", "verify", "aws_access_key_id", "aws_secret_access_key", "aws_session_token"),
)


class S3Connector(ObjectStoreConnector):
    """Amazon S3, or a store that speaks its protocol, with the credential fields of ``S3Resource``.

    Without keys the usual chain of boto3 is asked: environment, profile, SSO, instance role.
    ``from_resource`` takes over an ``S3Resource`` of dagster-aws.
    """

    kind: ClassVar[str] = "s3"
    secret_fields: ClassVar[frozenset[str]] = frozenset(
        {"aws_secret_access_key", "aws_session_token"}
    )
    example_root: ClassVar[str] = "s3://bucket/folder"
    scheme: ClassVar[str] = "s3://"

    use_unsigned_session: bool = False
    region_name: str | None = None
    endpoint_url: str | None = None
    profile_name: str | None = None
    use_ssl: bool = True
    verify: bool | None = None
    aws_access_key_id: str | None = None
    aws_secret_access_key: str | None = None
    aws_session_token: str | None = None

    @classmethod
    def from_resource(cls, resource: S3Resource, **more: Any) -> Self:
        """A connector with the settings of an ``S3Resource``; ``more`` are its own, as ``root``."""
        shared = {name: getattr(resource, name) for name in _SHARED}
        given = {name: value for name, value in shared.items() if value is not None}
        return cls(**{**given, **more})

    def parse(self, uri: str) -> Address | None:
        """``s3://bucket/key``, as people write it: nothing in it is encoded."""
        scheme = next((s for s in _SCHEMES if uri.startswith(s)), None)
        if scheme is None:
            return None
        bucket, _, key = uri.removeprefix(scheme).partition("/")
        return Address(bucket, key)

    def open_bucket(self, name: str) -> Bucket:
        """A client for a bucket."""
        endpoint = self.optional_text("endpoint_url")
        plain = not self.use_ssl or (endpoint is not None and urlsplit(endpoint).scheme == "http")
        options = self.client_options(allow_http=plain, verify=self.verify is not False)
        return open_store(name, self._login, options)

    def who(self) -> str:
        """The identity that AWS knows, or the access key."""
        return caller(self._login)

    @property
    def _login(self) -> S3Login:
        return S3Login(
            region=self.optional_text("region_name"),
            endpoint=self.optional_text("endpoint_url"),
            profile=self.optional_text("profile_name"),
            key_id=self.optional_text("aws_access_key_id"),
            secret=self.optional_text("aws_secret_access_key"),
            token=self.optional_text("aws_session_token"),
            unsigned=self.use_unsigned_session,
            use_ssl=self.use_ssl,
        )
