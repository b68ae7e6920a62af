"""A Databricks SQL warehouse of the tests: the connector's own Thrift messages, answered by Sail.

It runs in an environment of its own (``.servers/spark``) and is spoken to over a port. What it
proves and what it cannot stands in docs/connectors/databricks.md.

    serve.py       the process: engine, handlers and web server, put together
    web.py         HTTP: Thrift, volume files, OAuth tokens, and the faults that tests ask for
    service.py     the Thrift calls of a warehouse
    results.py     an Arrow table as the messages of a result set
    statements.py  what Sail cannot run: volumes, COPY INTO, parameters in statements that write
    engine.py      Sail, which runs all else
    volume.py      the files of Unity Catalog volumes, in a folder
    faults.py      errors and lost answers, on demand
    fixture.py     the side of pytest
"""
