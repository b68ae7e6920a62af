"""What holds for every test: a clean environment, and no silent skip in continuous integration."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

# A project or an instance of the person who runs the tests must not leak into them.
for name in ("DAGSTER_HOME", "LUME_PROJECT"):
    os.environ.pop(name, None)
os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where CI=true, everything that a test may need is installed: a skip is a failure."""
    report = yield
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"a test may not be skipped in continuous integration: {report.longrepr}"
    return report
