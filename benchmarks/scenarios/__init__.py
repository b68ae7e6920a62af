"""One file for each thing that is measured; a scenario is a function from a setting to a result."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.dagster import scenarios as dagster
from benchmarks.figures import Result
from benchmarks.mapping import scenarios as mapping
from benchmarks.scenarios.code_location import measure as code_location
from benchmarks.scenarios.connectors import scenarios as connectors
from benchmarks.scenarios.http_api import measure as http_api
from benchmarks.scenarios.import_time import measure as import_time
from benchmarks.scenarios.many_files import measure as many_files
from benchmarks.scenarios.memory import measure as memory
from benchmarks.scenarios.postgres_load import measure as postgres_load
from benchmarks.scenarios.tiny_run import measure as tiny_run
from benchmarks.scenarios.transform import measure as transform
from benchmarks.scenarios.whole_run import measure as whole_run
from benchmarks.scenarios.whole_run import measure_large as whole_run_large
from benchmarks.setting import Setting

#: In the order of the report.
SCENARIOS: dict[str, Callable[[Setting], Result]] = {
    "transform": transform,
    "whole_run": whole_run,
    "whole_run_large": whole_run_large,
    "memory": memory,
    "postgres_load": postgres_load,
    "tiny_run": tiny_run,
    "import_time": import_time,
    "many_files": many_files,
    "code_location": code_location,
    "http_api": http_api,
    **dagster(),
    **connectors(),
    **mapping(),
}
