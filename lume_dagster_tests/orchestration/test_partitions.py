"""Batches become partitions, whoever else adds them at the same moment."""

from concurrent.futures import ThreadPoolExecutor

import dagster as dg

from lume_dagster.orchestration.partitions import add_partitions


def test_many_may_add_the_same_batches_at_once(tmp_path):
    keys = [f"batch-{n}" for n in range(20)]
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        with ThreadPoolExecutor(8) as pool:
            for key in keys:
                list(pool.map(lambda _, k=key: add_partitions(instance, "p", [k]), range(8)))
        assert sorted(instance.get_dynamic_partitions("p")) == sorted(keys)
