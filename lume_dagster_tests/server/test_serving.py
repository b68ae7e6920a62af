"""How a server starts and ends: ports, certificates, signals, and what it says."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys

import pytest
from click.testing import CliRunner

from lume_dagster.cli import lume
from lume_dagster.server.serving import Place, listening
from lume_dagster_tests.server.calling import KEY, KEYS, problem, serving
from lume_dagster_tests.servers.certificate import key_and_certificate
from lume_dagster_tests.servers.process import ROOT, free_port
from lume_dagster_tests.waiting import wait_until


def serve(bench, *options, keys=KEYS):
    """The command, where it ends by itself."""
    words = ["serve", *options, "--project", str(bench.folder)]
    return CliRunner().invoke(lume, words, env={"LUME_API_KEYS": keys})


def test_a_port_that_is_taken_is_a_sentence(bench):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = serve(bench, "--port", str(port))
    assert said.exit_code == 2
    assert f"cannot listen on port {port} of 127.0.0.1: address already in use." in said.stderr
    assert "lume serve --port PORT" in said.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--port", "70000"], "cannot listen on port 70000"),
        (["--host", "no.such.host.invalid"], "cannot listen on port 3030 of no.such.host.invalid"),
        (["--tls-key", "KEY"], "--tls-key goes with --tls-certificate"),
        (["--tls-certificate", "NONE"], "cannot be used for TLS"),
        (["--tls-certificate", "KEY", "--tls-key", "NONE"], "cannot be used for TLS"),
    ],
)
def test_what_cannot_be_served_is_a_sentence(bench, tmp_path, options, said):
    files = {"KEY": tmp_path / "pair.pem", "NONE": tmp_path / "none.pem"}
    files["KEY"].write_bytes(key_and_certificate())
    files["NONE"].write_text("this is no PEM\n")
    found = serve(bench, *(str(files.get(word, word)) for word in options))
    assert (found.exit_code, said in found.stderr) == (2, True), found.stderr


def test_a_version_that_was_changed_keeps_no_server_from_starting(bench):
    published = bench.folder / "flows/orders/v1/flow.yaml"
    published.write_text(published.read_text().replace("Orders", "Changed"))
    with serving(bench.folder) as served:
        problem(served.ask("GET", "/v1/flows/orders"), 422, "VersionChangedError", "published")


def test_answers_do_not_wait_for_more_to_send_with_them():
    with listening(Place(port=0)) as door, socket.create_connection(door.getsockname()):
        asked, _ = door.accept()
        with asked:
            assert asked.proto == socket.IPPROTO_TCP  # by this asyncio sets TCP_NODELAY


def test_no_keys_is_a_sentence_that_shows_how_to_make_one(bench):
    said = serve(bench, keys="")
    assert said.exit_code == 2
    assert "LUME_API_KEYS names no key" in said.stderr
    assert "secrets.token_urlsafe(32)" in said.stderr


@pytest.mark.parametrize("package", ["fastapi", "uvicorn"])
def test_a_package_that_is_not_installed_is_named(bench, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    said = serve(bench)
    assert said.exit_code == 8
    assert "pip install 'lume-dagster[server]'" in said.stderr


def test_a_folder_that_is_no_project_is_a_sentence(tmp_path):
    said = CliRunner().invoke(
        lume, ["serve", "--project", str(tmp_path)], env={"LUME_API_KEYS": KEYS}
    )
    assert (said.exit_code, "is no project" in said.stderr) == (2, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_it_orderly(bench, number):
    with serving(bench.folder) as served:
        assert served.ask("GET", "/health").status == 200
        served.process.send_signal(number)
        assert served.process.wait(60) == 0
        assert "Traceback" not in served.log.read_text()
        assert served.log.read_text().startswith(f"Serving at http://127.0.0.1:{served.port} (")


def test_it_speaks_tls(bench, tmp_path):
    pair = tmp_path / "pair.pem"
    pair.write_bytes(key_and_certificate())
    with serving(bench.folder, "--tls-certificate", str(pair), "--tls-key", str(pair)) as served:
        context = ssl.create_default_context(cafile=str(pair))
        with (
            socket.create_connection(("127.0.0.1", served.port)) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secret,
        ):
            secret.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert secret.recv(1000).startswith(b"HTTP/1.1 200")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with (
            socket.create_connection(("127.0.0.1", served.port)) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secret,
        ):
            assert "GCM" in secret.cipher()[0]
        assert f"Serving at https://127.0.0.1:{served.port}" in served.log.read_text()


@pytest.mark.parametrize(
    ("host", "warned"), [("0.0.0.0", True), ("127.0.0.1", False)], ids=["all", "loopback"]
)
def test_keys_on_an_open_network_are_warned_of(bench, host, warned):
    with serving(bench.folder, "--host", host) as served:
        wait_until(lambda: "Serving at" in served.log.read_text())
        served.ask("GET", "/health")
        said = served.log.read_text()
    assert ("Warning: Keys cross the network unencrypted" in said) is warned
    assert KEY not in said


def test_a_script_is_told_the_address_and_who_may_ask(bench):
    port = free_port()
    command = [sys.executable, "-m", "lume_dagster.cli", "serve", "--json", "--port", str(port)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LUME_API_KEYS": KEYS}
    with subprocess.Popen(
        command, cwd=bench.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        told = json.loads("".join(process.stdout.readline().decode() for _ in range(7)))
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    assert told == {"url": f"http://127.0.0.1:{port}", "keys": ["partner", "other"]}
