"""One file for each system: what is measured beside its connector, as ``SYSTEM``; see connector_frame.py.

``SYSTEM = System(...)`` says how to start a server, how the connector is made, how a table is filled,
and the ways to read and to write beside ours: first the bare client that wins, then pandas, then
others. ``python -m benchmarks connectors`` measures all of them, ``connectors.postgres`` one.
"""
