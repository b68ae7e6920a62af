"""S3 from the package ``moto``, which checks signatures and policies; or a real bucket."""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from lume_dagster_tests.servers.fleet import server
from lume_dagster_tests.servers.process import ROOT, answers, free_port, running

#: ``s3://bucket/prefix?region_name=eu-west-1&...``: a real place for the suites instead of moto.
REAL = "LUME_TEST_S3_URL"

_REGION = "us-east-1"
#: What the users of the server may do.
_RIGHTS = {
    "admin": ["*"],
    "reader": ["s3:ListBucket", "s3:GetObject"],
    "getter": ["s3:GetObject"],
    "appender": ["s3:ListBucket", "s3:GetObject", "s3:PutObject"],
    "nobody": ["s3:ListAllMyBuckets"],
}


@dataclass(frozen=True)
class MotoServer:
    """A running moto, with an access key for each of a few users."""

    port: int
    keys: Mapping[str, tuple[str, str]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def config(self, user: str = "admin") -> dict[str, Any]:
        """What an ``S3Connector`` is made with, but for its root."""
        key_id, secret = self.keys[user]
        return {
            "endpoint_url": self.url,
            "region_name": _REGION,
            "aws_access_key_id": key_id,
            "aws_secret_access_key": secret,
            "max_attempts": 2,
        }

    def client(self, service: str = "s3") -> Any:
        """A boto3 client of the user who may do all."""
        key_id, secret = self.keys["admin"]
        return _client(service, self.url, key_id, secret)

    def new_bucket(self) -> str:
        """An empty bucket."""
        name = f"test-{secrets.token_hex(6)}"
        self.client().create_bucket(Bucket=name)
        return name


@contextmanager
def moto_server() -> Iterator[MotoServer]:
    """moto in a process of its own; its state is in memory."""
    with tempfile.TemporaryDirectory(prefix="lume-moto-") as home:
        port = free_port()
        module = "lume_dagster_tests.servers.moto_in_turns"
        command = [sys.executable, "-m", module, "-H", "127.0.0.1", "-p", port]
        with running(command, Path(home, "log"), lambda: answers(port), cwd=ROOT):
            url = f"http://127.0.0.1:{port}"
            keys = {name: _user(url, name, rights) for name, rights in _RIGHTS.items()}
            # From now on moto asks everybody who they are and what they may do.
            plain = {"Content-Type": "text/plain"}
            request = urllib.request.Request(f"{url}/moto-api/reset-auth", b"0", plain)
            urllib.request.urlopen(request, timeout=60).close()
            yield MotoServer(port, keys)


def _user(url: str, name: str, rights: list[str]) -> tuple[str, str]:
    iam = _client("iam", url, "setup", "setup")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": rights, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def _client(service: str, url: str, key_id: str, secret: str) -> Any:
    import boto3

    return boto3.client(
        service,
        endpoint_url=url,
        region_name=_REGION,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
    )


moto = server("moto", "S3", moto_server)


def _real(place: str) -> dict[str, Any]:
    root, _, options = place.partition("?")
    return {"root": f"{root}/{secrets.token_hex(6)}", **dict(parse_qsl(options))}


if REAL in os.environ:

    @pytest.fixture
    def s3_config() -> dict[str, Any]:
        """What an ``S3Connector`` for an empty place is made with."""
        return _real(os.environ[REAL])

else:

    @pytest.fixture
    def s3_config(moto: MotoServer) -> dict[str, Any]:
        """What an ``S3Connector`` for an empty place is made with."""
        return {"root": f"s3://{moto.new_bucket()}/home", **moto.config()}
