"""Azure Blob Storage, on azurite: pyarrow.fs by hand is the bare client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import urlsplit

from benchmarks.connectors.object_stores import config, store_system


def _server() -> AbstractContextManager[Any]:
    from lume_dagster_tests.servers.azurite import azurite_server

    return azurite_server()


@contextmanager
def _place(server: Any) -> Iterator[str]:
    yield json.dumps({**server.config(), "root": f"az://{server.new_container()}/lake"})


def _connector(place: str) -> Any:
    from lume_dagster.connectors import AzureBlobConnector

    return AzureBlobConnector(**config(place))


def _opened(place: str) -> tuple[Any, str]:
    from pyarrow.fs import AzureFileSystem

    given = config(place)
    url = urlsplit(given["account_url"])
    filesystem = AzureFileSystem(
        account_name=url.path.strip("/"),
        account_key=given["account_key"],
        blob_storage_authority=url.netloc,
        dfs_storage_authority=url.netloc,
        blob_storage_scheme=url.scheme,
        dfs_storage_scheme=url.scheme,
    )
    return filesystem, given["root"].removeprefix("az://")


SYSTEM = store_system(
    "Azure Blob Storage (azurite)",
    _server,
    _connector,
    _opened,
    place=_place,
    notes=(
        "The server is Microsoft's emulator, on the same cores: its figures compare ways with each "
        "other and say nothing of Azure.",
    ),
)
