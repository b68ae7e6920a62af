"""How often a delivery waits for its server, counted at the wire, is what the docs tell."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lume_dagster.testing.deliveries import make_delivery
from lume_dagster_tests.servers.any_system import place_in
from lume_dagster_tests.servers.relay import relay_to

DOCS = Path(__file__).parents[2] / "docs"
SYSTEMS = {
    "PostgreSQL": "postgres",
    "MySQL": "mariadb",
    "SQL Server": "sqlserver",
    "Snowflake": "snowflake",
    "Databricks": "databricks",
}
#: How a statement begins where a client asks in between whether it is done: as often as it takes.
QUESTIONS = {
    "snowflake": b"POST /queries/v1/query-request",
    "databricks": b"ExecuteStatement",
}
#: What other releases of the clients may ask more or less; a statement has no such excuse.
GIVE = 3


def told(page, header):
    """The numbers of a table in the docs, by the first cell of its lines."""
    lines = (DOCS / page).read_text("utf-8").split(f"\n{header}\n")[1].splitlines()[1:]
    end = next((i for i, line in enumerate(lines) if not line.startswith("|")), len(lines))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[:end]]
    return {line[0]: [int(cell) for cell in line if cell.isdigit()] for line in cells}


@contextmanager
def relayed(system, request, folder):
    """A connector that reaches its system through a relay, and the relay."""
    with place_in(system, request, folder) as connector:
        host, port = address(connector)
        with relay_to(host, port, QUESTIONS.get(system)) as relay:
            through = {"host": "127.0.0.1", "port": relay.port}
            if system == "databricks":
                through = {"server_hostname": f"http://127.0.0.1:{relay.port}"}
            yield connector.model_copy(update=through), relay


def address(connector):
    if hasattr(connector, "server_hostname"):
        parts = urlsplit(connector.server_hostname)
        if parts.hostname != "127.0.0.1":
            pytest.skip("NOT RUN: this counts what the tests' own server is asked")
        return parts.hostname, parts.port
    return connector.host, connector.port


def delivered(connector, relay, folder, run, rejects, mode="replace_batch"):
    """The round trips of a check and a delivery of one batch."""
    rows = [{"id": 1, "name": "x"}, {"id": 2}]
    batch = {"source_path": "march", "run_id": run, "table": f"ops.{mode}"}
    delivery = make_delivery(folder, rows, rejects=rejects, mode=mode, key=("id",), **batch)
    connector.check(delivery)
    connector.deliver(delivery)
    if connector.kind not in QUESTIONS:
        relay.wait_until_closed()
    return relay.taken()


def fits(measured, said, system):
    give = 0 if system in QUESTIONS else GIVE
    return all(abs(m - s) <= give for m, s in zip(measured, said, strict=True))


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_delivery_asks_as_often_as_the_docs_say(name, request, tmp_path):
    said = told("connectors.md", "| system | counted | first | later | later, with rejects |")[name]
    with relayed(SYSTEMS[name], request, tmp_path) as (connector, relay):
        runs = [("run_1", 0), ("run_2", 0), ("run_3", 1), ("run_4", 1)]
        measured = [delivered(connector, relay, tmp_path, run, n) for run, n in runs]
    kept = [measured[0], measured[1], measured[3]]
    assert fits(kept, said, SYSTEMS[name]), f"counted {kept}, the page says {said}"


@pytest.mark.parametrize("mode", ["replace_batch", "append", "merge", "replace"])
def test_snowflake_is_asked_as_often_as_its_page_says(mode, snowflake_double, request, tmp_path):
    said = told("connectors/snowflake.md", "| mode | first | later, with rejects |")[f"`{mode}`"]
    with relayed("snowflake", request, tmp_path) as (connector, relay):
        measured = [delivered(connector, relay, tmp_path, f"run_{n}", n, mode) for n in range(3)]
    kept = [measured[0], measured[2]]
    assert fits(kept, said, "snowflake"), f"counted {kept}, the page says {said}"
