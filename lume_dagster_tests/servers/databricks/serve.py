"""The process of the test server: ``python -m ...databricks.serve PORT FOLDER CATALOG``.

The token and the service principal's secret come by environment, so that no list of processes
shows them.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

from databricks.sql.thrift_api.TCLIService import TCLIService

from lume_dagster_tests.servers.databricks.engine import Engine
from lume_dagster_tests.servers.databricks.faults import Faults
from lume_dagster_tests.servers.databricks.service import Service
from lume_dagster_tests.servers.databricks.statements import Statements
from lume_dagster_tests.servers.databricks.volume import Volumes
from lume_dagster_tests.servers.databricks.web import SIGNED, Web

_DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def main(port: int, folder: Path, catalog: str) -> None:
    """Serve until told to stop."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

    def signed(path: str) -> str:
        return f"http://127.0.0.1:{port}{SIGNED}{quote(path)}?signature={Web.signature}"

    Web.volumes, Web.faults = Volumes(folder), Faults()
    Web.tokens = {os.environ["DATABRICKS_TEST_TOKEN"]}
    Web.client = ("lume", os.environ["DATABRICKS_TEST_SECRET"])
    statements = Statements(Engine(folder, catalog), Web.volumes, Web.faults, signed)
    Web.processor = TCLIService.Processor(Service(statements, catalog))
    server = ThreadingHTTPServer(("127.0.0.1", port), Web)
    server.daemon_threads = True
    print("ready", flush=True)  # noqa: T201 - the fixture waits for it
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
