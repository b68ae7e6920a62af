"""Start the stand-in: ``python -m lume_dagster_tests.servers.sqlserver PORT USER``.

The password is read from the environment variable SA_PASSWORD.
"""

from __future__ import annotations

import os
import sys

from lume_dagster_tests.servers.sqlserver.server import Server, listen


def main() -> None:
    """Serve until the process is ended."""
    port, user = int(sys.argv[1]), sys.argv[2]
    with listen(Server(user, os.environ["SA_PASSWORD"]), port) as door:
        door.serve_forever()


if __name__ == "__main__":
    main()
