"""Every error is answered in one form; what nobody foresaw stands in the log, and nowhere else."""

from __future__ import annotations

import asyncio
import errno
import http.client
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import uvicorn

from lume_dagster import errors
from lume_dagster.errors import LumeError
from lume_dagster.server.app import make_app
from lume_dagster.server.keys import read_keys
from lume_dagster.server.problems import STATUSES, problem, status_of
from lume_dagster_tests.server.calling import KEY, KEYS
from lume_dagster_tests.waiting import wait_until

TREE = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, LumeError)]
OWN = {errors.BatchRefusedError: {"code": "x"}, errors.NotNowError: {"run_id": "run_1"}}


def made(kind: type[LumeError]) -> LumeError:
    more = {"run": None} if issubclass(kind, errors.RunError) else OWN.get(kind, {})
    return kind("It is so.", hint="mend it.", **more)


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_error_of_the_tree_has_its_form(kind):
    told = json.loads(problem(made(kind)).body)
    assert (told["error"], told["detail"], told["hint"]) == (kind.__name__, "It is so.", "mend it")
    assert told["status"] == status_of(made(kind)) >= 400
    assert ("run_id" in told) is (kind is errors.NotNowError)


def test_the_statuses_are_these():
    told = {kind.__name__: status_of(made(kind)) for kind in TREE}
    assert told == {
        "LumeError": 500, "FlowError": 422, "VersionChangedError": 422, "PlanError": 422,
        "BatchError": 422, "BatchRefusedError": 422, "ConnectorError": 502, "TransientError": 503,
        "EngineError": 507, "MissingExtraError": 500, "ApiError": 500, "AuthenticationError": 401,
        "BusyError": 429, "InvalidRequestError": 400, "NotFoundError": 404, "NotNowError": 409,
        "OutdatedError": 409, "RunError": 500, "RunFailedError": 500, "RunTimeoutError": 500,
    }  # fmt: skip
    assert STATUSES.keys() <= set(TREE)


@pytest.mark.parametrize("kind", [errors.TransientError, errors.BusyError], ids=["503", "429"])
def test_who_may_try_again_is_told_when(kind):
    assert int(problem(made(kind)).headers["retry-after"]) > 0


class Broken:
    """A site whose flows cannot be listed."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    @property
    def library(self):
        raise self._error


@contextmanager
def failing(error: Exception) -> Iterator[int]:
    """The application on a site that fails, in a thread; the port it listens on."""
    app = make_app(Broken(error), read_keys(KEYS))
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_config=None, ws="none"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def asked(port: int) -> SimpleNamespace:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/v1/flows", headers={"lume-api-key": KEY})
    answer = connection.getresponse()
    told = SimpleNamespace(status=answer.status, body=json.loads(answer.read()))
    connection.close()
    return told


def test_what_nobody_foresaw_is_in_the_log_alone(caplog):
    with (
        caplog.at_level(logging.INFO, "lume_dagster.server"),
        failing(RuntimeError("a s3cret")) as port,
    ):
        answer = asked(port)
    assert answer.status == 500
    assert (answer.body["error"], answer.body["detail"]) == ("LumeError", "The server failed.")
    number = answer.body["instance"].removeprefix("urn:uuid:")
    assert number in answer.body["hint"]
    assert "s3cret" not in json.dumps(answer.body)
    (logged,) = [r for r in caplog.records if number in r.getMessage()]
    assert "a s3cret" in str(logged.exc_info[1])
    assert len([r for r in caplog.records if r.exc_info]) == 1


def test_a_full_disk_is_told_as_such():
    with failing(OSError(errno.ENOSPC, "No space left on device")) as port:
        answer = asked(port)
    assert (answer.status, answer.body["error"]) == (507, "EngineError")
    assert answer.body["detail"] == "The server's disk is full."
