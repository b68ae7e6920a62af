"""Suites that a connector inherits: a class of tests that any source or target must pass.

    class TestMine(TargetSuite, DatabaseSourceSuite):
        connector_type = MyConnector
        ...

What a subclass must say stands in ``ConnectorSuite`` and in each suite, as methods that raise
``NotImplementedError``.
"""

from __future__ import annotations

from lume_dagster.testing.connectors import ConnectorSuite
from lume_dagster.testing.sources import DatabaseSourceSuite, StoreSourceSuite
from lume_dagster.testing.targets import ExactlyOnceSuite, TargetSuite, WriteSuite

__all__ = [
    "ConnectorSuite",
    "DatabaseSourceSuite",
    "ExactlyOnceSuite",
    "StoreSourceSuite",
    "TargetSuite",
    "WriteSuite",
]
