"""Assets of a user's own that are kept through an IO manager: what makes them, and what takes them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import dagster as dg
import pyarrow as pa

DAYS = dg.StaticPartitionsDefinition(["2024-01-01", "2024-01-02", "o'hare; --"])

#: One column of every type that a frame may have and a target keeps.
EVERYTHING = pa.table(
    {
        "i8": pa.array([1, None], pa.int8()),
        "u64": pa.array([2**64 - 1, 0], pa.uint64()),
        "f32": pa.array([1.5, None], pa.float32()),
        "dec": pa.array([Decimal("12345678901234567890.12"), None], pa.decimal128(30, 2)),
        "flag": [True, None],
        "day": [dt.date(2024, 2, 29), None],
        "at": pa.array([dt.datetime(2024, 2, 29, 1, 2, 3, 456), None], pa.timestamp("us")),
        "ns": pa.array([1_000, None], pa.timestamp("ns")),
        "zone": pa.array(
            [dt.datetime(2024, 2, 29, tzinfo=dt.UTC), None], pa.timestamp("us", "UTC")
        ),
        "clock": pa.array([dt.time(1, 2, 3, 4), None], pa.time64("us")),
        "raw": [b"\x00\xff'", None],
        "text": ["zażółć 漢字 \\N \" ' ,\n", None],
        "list": [[1, None, 3], None],
        "struct": [{"a b": "x", "c": [1.5]}, None],
    }
)


def producer(returns, partitions=None, **options):
    """An asset ``ops/orders`` that returns what ``returns`` makes of the run's partitions."""

    @dg.asset(key=["ops", "orders"], partitions_def=partitions, **options)
    def orders(context):
        return returns(list(context.partition_keys) if partitions else None)

    return orders


def take(instance, manager, form, partitions=None, *, key=None, upstream=DAYS, **options):
    """What an asset that takes ``ops/orders`` in a form is given."""
    given = []

    def body(orders):
        given.append(orders.read_all() if isinstance(orders, pa.RecordBatchReader) else orders)

    body.__annotations__ = {"orders": form, "return": None}
    made = dg.asset(
        name="taker",
        ins={"orders": dg.AssetIn(["ops", "orders"], **options)},
        partitions_def=partitions,
    )(body)
    above = dg.AssetSpec(["ops", "orders"], partitions_def=upstream)
    spec = above.with_io_manager_key("io_manager")
    result = dg.materialize(
        [made, spec],
        resources={"io_manager": manager},
        instance=instance,
        partition_key=key,
        selection=[made],
        raise_on_error=False,
    )
    return given[0] if result.success else result


def put(instance, manager, returns, *, key=None, partitions=None, **options):
    return dg.materialize(
        [producer(returns, partitions, **options)],
        resources={"io_manager": manager},
        instance=instance,
        partition_key=key,
        raise_on_error=False,
    )


def said(result):
    return str([e.step_failure_data.error for e in result.get_step_failure_events()])
