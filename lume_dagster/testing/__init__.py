"""The suites that a connector inherits: whoever passes them may be trusted with a batch.

| inherit | when the connector |
|---|---|
| ``ConnectorSuite`` | exists: it tests itself, and never shows a secret |
| ``ServerSuite`` | speaks to a server, which may not answer |
| ``StoreSourceSuite`` | lists and fetches files |
| ``DatabaseSourceSuite`` | reads a query |
| ``TargetSuite`` | takes batches; it is ``WriteSuite`` and ``ExactlyOnceSuite`` together |
| ``ManyTargetSuite`` | takes many batches at once |
| ``TableReaderSuite`` | reads back what it was given |

    class TestMine(TargetSuite, DatabaseSourceSuite):
        connector_type = MyConnector
        ...

What a subclass must say are the methods that raise ``NotImplementedError``; ``drifted`` declares a
value that the system changes. ``make_delivery``, ``EVERY_TYPE`` and ``EVERY_VALUE`` are for tests
of one's own. pytest must be installed.
"""

from __future__ import annotations

from lume_dagster.testing.connectors import SECRET, ConnectorSuite, ServerSuite
from lume_dagster.testing.deliveries import EVERY_TYPE, EVERY_VALUE, make_delivery
from lume_dagster.testing.many import ManyTargetSuite
from lume_dagster.testing.readers import TableReaderSuite
from lume_dagster.testing.sources import DatabaseSourceSuite
from lume_dagster.testing.stores import StoreSourceSuite
from lume_dagster.testing.targets import ExactlyOnceSuite, TargetSuite, WriteSuite

__all__ = [
    "EVERY_TYPE",
    "EVERY_VALUE",
    "SECRET",
    "ConnectorSuite",
    "DatabaseSourceSuite",
    "ExactlyOnceSuite",
    "ManyTargetSuite",
    "ServerSuite",
    "StoreSourceSuite",
    "TableReaderSuite",
    "TargetSuite",
    "WriteSuite",
    "make_delivery",
]
