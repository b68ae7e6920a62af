"""Remove one blob by a plain request, for whom the client's batches of removals are not made.

obstore removes blobs by a batch request to the account, which a SAS of a container may not send and
a role on a container may not cover. The account's key may, so it needs none of this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from lume_dagster.connectors.object_store.refusals import Where, refusal

_API = "2023-11-03"


def blob_remover(
    where: Where, container: str, credentials: Callable[[], Mapping[str, Any]], seconds: float
) -> Callable[[str], None]:
    """A function that removes a blob, whether it is there or not, with a SAS or a token."""

    def remove(key: str) -> None:
        given = credentials()
        sas = given.get("sas_token")
        url = f"{where.endpoint}/{container}/{quote(key)}{f'?{sas}' if sas else ''}"
        headers = {"x-ms-version": _API}
        if not sas:
            headers["Authorization"] = f"Bearer {given['token']}"
        # The account's URL was seen to be http or https.
        request = Request(url, method="DELETE", headers=headers)  # noqa: S310
        try:
            urlopen(request, timeout=seconds).close()  # noqa: S310
        except HTTPError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                said = error.read().decode("utf-8", "replace")
                text = f"status code: {error.code} {error.reason}: {said}"
                raise refusal(where, "delete", key, text) from None
        except OSError as error:
            raise refusal(where, "delete", key, str(error)) from None

    return remove
