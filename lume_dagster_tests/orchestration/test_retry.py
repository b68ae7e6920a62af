"""What may pass is tried again after pauses that differ; what may not is raised at once."""

from __future__ import annotations

import logging

import pytest

from lume_dagster.errors import ConnectorError, TransientError
from lume_dagster.orchestration.retry import retrying

LOG = logging.getLogger("lume.tests.retry")


class Flaky:
    """Fails so often with an error, then succeeds."""

    def __init__(self, failures, error=TransientError):
        self.left, self.error, self.calls = failures, error, 0

    def __call__(self):
        self.calls += 1
        if self.calls <= self.left:
            raise self.error("The line is busy.")
        return "done"


def test_it_is_tried_until_it_succeeds():
    flaky = Flaky(2)
    assert (retrying(flaky, (0.0, 0.0), LOG), flaky.calls) == ("done", 3)


def test_it_is_given_up_after_the_last_wait():
    flaky = Flaky(9)
    with pytest.raises(TransientError, match="busy"):
        retrying(flaky, (0.0, 0.0), LOG)
    assert flaky.calls == 3


def test_what_will_not_pass_is_raised_at_once():
    flaky = Flaky(9, ConnectorError)
    with pytest.raises(ConnectorError, match="busy"):
        retrying(flaky, (0.0, 0.0), LOG)
    assert flaky.calls == 1


def test_pauses_are_drawn_around_what_was_asked_for(caplog):
    retrying(Flaky(20), (0.001,) * 20, LOG)
    pauses = [record.args[1] for record in caplog.records]
    assert all(0.0005 <= pause <= 0.0015 for pause in pauses)
    assert len(set(pauses)) > 10
