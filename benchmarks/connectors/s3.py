"""Amazon S3, on moto: pyarrow.fs by hand is the bare client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from benchmarks.connectors.object_stores import config, store_system


def _server() -> AbstractContextManager[Any]:
    from lume_dagster_tests.servers.moto import moto_server

    return moto_server()


@contextmanager
def _place(server: Any) -> Iterator[str]:
    yield json.dumps({**server.config(), "root": f"s3://{server.new_bucket()}/lake"})


def _connector(place: str) -> Any:
    from lume_dagster.connectors import S3Connector

    return S3Connector(**config(place))


def _opened(place: str) -> tuple[Any, str]:
    from pyarrow.fs import S3FileSystem

    given = config(place)
    filesystem = S3FileSystem(
        access_key=given["aws_access_key_id"],
        secret_key=given["aws_secret_access_key"],
        region=given["region_name"],
        endpoint_override=given["endpoint_url"],
    )
    return filesystem, given["root"].removeprefix("s3://")


SYSTEM = store_system(
    "Amazon S3 (moto)",
    _server,
    _connector,
    _opened,
    place=_place,
    notes=(
        "The server is moto, in Python, on the same cores: it is the brake when much is sent, and its "
        "figures compare ways with each other and say nothing of S3.",
    ),
)
