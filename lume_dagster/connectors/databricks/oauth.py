"""OAuth for machines: a service principal's id and secret become tokens that renew themselves."""

from __future__ import annotations

import base64
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable

from lume_dagster.errors import ConnectorError, TransientError

_EARLY = 60.0  # seconds before its end at which a token is renewed
_TRANSIENT = {429, 500, 502, 503, 504}


class ServicePrincipal:
    """What ``databricks.sql`` calls a credentials provider; one for each connection."""

    def __init__(self, host: str, client_id: str, client_secret: str, timeout: float) -> None:
        """``host`` is the workspace's, with its scheme."""
        self._url = f"{host}/oidc/v1/token"
        self._client = f"{client_id}:{client_secret}"
        self._timeout = timeout
        self._token, self._ends = "", 0.0
        self._lock = threading.Lock()

    def auth_type(self) -> str:
        """How Databricks calls this way."""
        return "oauth-m2m"

    def __call__(self) -> Callable[[], dict[str, str]]:
        """What gives the headers of each request."""
        return self.headers

    def headers(self) -> dict[str, str]:
        """The header with a token that is still good for a while."""
        with self._lock:
            if time.monotonic() > self._ends - _EARLY:
                self._renew()
            return {"Authorization": f"Bearer {self._token}"}

    def _renew(self) -> None:
        basic = base64.b64encode(self._client.encode()).decode()
        form = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": "all-apis"})
        request = urllib.request.Request(  # noqa: S310 - the scheme was judged with the host
            self._url, form.encode(), {"Authorization": f"Basic {basic}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            kind = TransientError if error.code in _TRANSIENT else ConnectorError
            raise kind(
                f"Databricks gives no token for the client_id: HTTP {error.code} {error.reason}.",
                hint="check the connector's client_id and client_secret, and that the service "
                "principal is in the workspace",
            ) from None
        except (OSError, ValueError) as error:
            raise TransientError(f"Databricks cannot be asked for a token: {error}") from None
        self._token = str(told["access_token"])
        self._ends = time.monotonic() + float(told.get("expires_in", 0))
