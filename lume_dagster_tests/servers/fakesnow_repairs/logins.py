"""Logins and rights: who may come in, by which proof, with which role and warehouse.

fakesnow lets everybody do everything. Here there is one user, told in the environment variable
LUME_SNOWFLAKE_DOUBLE, whose password, key and token are really checked; a role READER that may
change nothing; and a session without a warehouse that may not run what needs one.
"""

import gzip
import json
import os
from importlib import import_module

import jwt
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.dialect import parse_one
from snowflake.connector.errors import ProgrammingError
from sqlglot import exp
from starlette.responses import JSONResponse

server = import_module("fakesnow.server")  # `fakesnow.server` is a function's name too

USER = json.loads(os.environ["LUME_SNOWFLAKE_DOUBLE"])
READER, ADMIN = "READER", "SYSADMIN"

_CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop)
_login, _execute = server.login_request, FakeSnowflakeCursor._execute
_describe_only = FakeSnowflakeCursor._describe_only


def apply() -> None:
    """Mend fakesnow's logins; after the other repairs, around them."""
    global _execute  # noqa: PLW0603 - what the other repairs have put there
    _execute = FakeSnowflakeCursor._execute
    FakeSnowflakeCursor._execute = execute
    FakeSnowflakeCursor._describe_only = describe_only
    server.shared_fs.create_database_on_connect = False
    server.shared_fs.create_schema_on_connect = False
    routes = {route.path: route for route in server.app.router.routes}
    server.app.router.routes.remove(routes["/session/v1/login-request"])
    server.app.router.add_route("/session/v1/login-request", login_request, methods=["POST"])


async def login_request(request):
    """Log in, or say why not in Snowflake's words."""
    body = await request.body()
    packed = request.headers.get("Content-Encoding") == "gzip"
    data = json.loads(gzip.decompress(body) if packed else body)["data"]
    refusal = refused(data) or unknown_database(request.query_params.get("databaseName"))
    if refusal:
        code, words = refusal
        answer = {"data": {}, "code": code, "message": words, "success": False}
        return JSONResponse(answer)
    made = await _login(request)
    answer = json.loads(made.body)
    session = server.sessions[answer["data"]["token"]]
    session.role = (request.query_params.get("roleName") or ADMIN).upper()
    session.warehouse = request.query_params.get("warehouse")
    session.lock_timeout = data["SESSION_PARAMETERS"].get("LOCK_TIMEOUT", 43_200)
    answer["data"]["masterToken"] = answer["data"]["token"]  # without it no client ends its session
    info = {"roleName": session.role, "warehouseName": session.warehouse}
    answer["data"]["sessionInfo"] |= info
    return JSONResponse(answer)


def refused(data: dict) -> tuple[str, str] | None:
    """Why the proof does not let anybody in."""
    kind = data.get("AUTHENTICATOR")
    if kind == "SNOWFLAKE_JWT":
        return None if signed(data) else ("390144", "JWT token is invalid.")
    if kind in {"OAUTH", "PROGRAMMATIC_ACCESS_TOKEN"}:
        valid = data.get("TOKEN") == USER["token"]
        return None if valid else ("390303", "Invalid OAuth access token.")
    known = (str(data.get("LOGIN_NAME")).upper(), data.get("PASSWORD"))
    if known != (USER["user"].upper(), USER["password"]):
        return "390100", "Incorrect username or password was specified."
    return None


def signed(data: dict) -> bool:
    """Whether the user's own key signed the token."""
    try:
        claims = jwt.decode(data["TOKEN"], USER["public_key"], algorithms=["RS256"])
    except jwt.InvalidTokenError:
        return False
    return f".{USER['user'].upper()}." in claims["iss"]


def unknown_database(name: str | None) -> tuple[str, str] | None:
    """Refuse a database that is not there, as CLIENT_VALIDATE_DEFAULT_PARAMETERS asks."""
    there = "SELECT 1 FROM duckdb_databases() WHERE upper(database_name) = upper(?)"
    with server.shared_fs.duck_conn.cursor() as connection:
        if name is None or connection.execute(there, [name]).fetchone():
            return None
    return "390201", "The requested database does not exist or not authorized."


def execute(cursor: FakeSnowflakeCursor, transformed: exp.Expression, params=None) -> None:
    """A statement that the session may run."""
    reads = isinstance(transformed, exp.Select) and transformed.args.get("from_")
    writes = isinstance(transformed, (*_CHANGES, exp.Copy)) and not isinstance(
        transformed, exp.Create
    )
    if (reads or writes) and not cursor._conn.__dict__.get("warehouse"):
        words = "No active warehouse selected in the current session.  Select an active warehouse "
        raise ProgrammingError(
            msg=words + "with the 'use warehouse' command.", errno=606, sqlstate="57P03"
        )
    refuse_change(cursor, transformed)
    _execute(cursor, transformed, params)


def describe_only(cursor: FakeSnowflakeCursor, command: str):
    """Snowflake looks at rights, and at what is to be changed, when it compiles a statement."""
    statement = parse_one(command)
    refuse_change(cursor, statement)
    table = statement.find(exp.Table)
    if isinstance(statement, _CHANGES) and table and is_view(cursor, table):
        words = f"SQL compilation error:\nView '{table.name}' cannot be changed"  # Snowflake has other words
        raise ProgrammingError(msg=words, errno=2203, sqlstate="42601")
    return _describe_only(cursor, command)


def is_view(cursor: FakeSnowflakeCursor, table: exp.Table) -> bool:
    """Whether a name is that of a view."""
    names = [cursor._conn.database, table.db, table.name]
    query = (
        "SELECT 1 FROM duckdb_views() WHERE upper(database_name) = upper(?) "
        "AND schema_name = ? AND view_name = ?"
    )
    return bool(cursor._duck_conn.execute(query, names).fetchone())


def refuse_change(cursor: FakeSnowflakeCursor, statement: exp.Expression) -> None:
    """Refuse a role that may only read."""
    if isinstance(statement, _CHANGES) and cursor._conn.__dict__.get("role") == READER:
        table = statement.find(exp.Table)
        words = f"Insufficient privileges to operate on table '{table.name if table else ''}'"
        raise ProgrammingError(
            msg=f"SQL access control error:\n{words}", errno=3001, sqlstate="42501"
        )
