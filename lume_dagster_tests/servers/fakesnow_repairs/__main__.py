"""fakesnow's server with the repairs our tests need; run by the interpreter it is installed for.

Each module here mends one thing in which fakesnow 0.12 differs from what Snowflake documents, in
fakesnow and never in the product: logins and rights, turns (locks, lost sessions, DDL that
commits), results (NULL timestamps, pieces), and statements (temporary tables, names, errors).
"""

import sys

import logins
import results
import statements
import turns
import uvicorn
from fakesnow.server import app


def main(port: int) -> None:
    """Serve until somebody stops the process."""
    for repair in (statements, turns, results, logins):
        repair.apply()
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        http=turns.WatchedProtocol,
        log_level="warning",
        # A client that is slow between two statements has not gone: see turns.
        timeout_keep_alive=600,
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
