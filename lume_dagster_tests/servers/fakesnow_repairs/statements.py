"""Statements that fakesnow refuses or answers otherwise than Snowflake."""

import shutil
from importlib import import_module

import duckdb
import turns
from fakesnow import copy_into, info_schema
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.transforms import stage
from snowflake.connector.errors import Error, ProgrammingError
from sqlglot import exp
from starlette.concurrency import run_in_threadpool

server = import_module("fakesnow.server")  # `fakesnow.server` is a function's name too

_error, _execute, _session = Error.__init__, FakeSnowflakeCursor.execute, server.session
_transform = FakeSnowflakeCursor._transform


def apply() -> None:
    """Mend fakesnow's statements."""
    Error.__init__ = error
    FakeSnowflakeCursor.execute = execute
    FakeSnowflakeCursor._transform = transform
    copy_into._get_table_columns = table_columns
    copy_into._match_parquet_columns = matched_columns
    routes = {route.path: route for route in server.app.router.routes}
    server.app.router.routes.remove(routes["/session"])
    server.app.router.add_route("/session", session, methods=["POST"])
    show_views()
    server.shared_fs.duck_conn.execute("SET threads = 1")  # quicker for what is small


def error(self, msg=None, *args, **more) -> None:
    """Say of a missing object what Snowflake says; people and programs look for these words."""
    if isinstance(msg, str) and "Catalog Error" in msg and "does not exist!" in msg:
        name = msg.split("name ")[1].split(" ")[0]
        msg = f"SQL compilation error:\nObject '{name}' does not exist or not authorized."
    _error(self, msg, *args, **more)


def execute(cursor: FakeSnowflakeCursor, command: str, *args, **more):
    """Answer with an error of SQL where fakesnow ends with a fault of its own."""
    try:
        return _execute(cursor, command, *args, **more)
    except duckdb.Error as fault:
        if "NOT NULL constraint failed" in str(fault):
            words = "NULL result in a non-nullable column"
            raise ProgrammingError(msg=words, errno=100072, sqlstate="22000") from fault
        raise ProgrammingError(msg=str(fault), errno=100183, sqlstate="P0000") from fault


def transform(cursor: FakeSnowflakeCursor, expression: exp.Expression, params):
    """A temporary table may name its schema: it is one that goes with the session."""
    if isinstance(expression, exp.Drop) and expression.kind == "DATABASE":
        name = expression.find(exp.Table).name.upper()
        cursor._duck_conn.execute(f'DETACH DATABASE "{name}"')
        return exp.select(exp.alias_(exp.Literal.string(f"{name} dropped."), "status"))
    properties = expression.args.get("properties")
    if isinstance(expression, exp.Create) and properties and expression.kind == "TABLE":
        kept = [p for p in properties.expressions if not isinstance(p, exp.TemporaryProperty)]
        table = expression.find(exp.Table)
        if len(kept) < len(properties.expressions) and table.db:
            expression.set("properties", exp.Properties(expressions=kept) if kept else None)
            mine = cursor._conn.__dict__.setdefault("temporary", [])
            mine.append((table.catalog or cursor._conn.database, table.db, table.name))
    return _transform(cursor, expression, params)


async def session(request):
    """End a session as Snowflake does: undo what is open, drop what is temporary."""
    if request.query_params.get("delete"):
        await run_in_threadpool(end, server.sessions.get(server.to_token(request)))
    return await _session(request)


def end(gone) -> None:
    """The end of a session."""
    if gone is None:
        return
    turns.abandon(gone)
    for names in gone.__dict__.get("temporary", []):
        table = ".".join(exp.to_identifier(name, quoted=True).sql("duckdb") for name in names)
        gone._duck_conn.execute(f"DROP TABLE IF EXISTS {table}")
        folder = "{}.{}.%{}".format(*names)
        shutil.rmtree(stage.internal_dir(folder), ignore_errors=True)
    gone.close()


def table_columns(table, connection, database, schema) -> list[str]:
    """Names as they are: fakesnow has them in upper case, also for CASE_SENSITIVE."""
    return [name for name, _ in copy_into._describe_table(table, connection, database, schema)]


def matched_columns(in_file: list[str], wanted: list[str], mode) -> dict[str, str]:
    """Which column of the file is which of the table."""
    if mode == copy_into.MatchByColumnName.CASE_SENSITIVE:
        return {name: name for name in wanted if name in in_file}
    found = {name.upper(): name for name in in_file}
    return {name: found[name.upper()] for name in wanted if name.upper() in found}


def show_views() -> None:
    """INFORMATION_SCHEMA.TABLES holds views too."""
    text = info_schema.SQL_CREATE_INFORMATION_SCHEMA_TABLES_VIEW
    both = (
        "from (select database_name, schema_name, table_name, estimated_size, "
        "'BASE TABLE' as table_type from duckdb_tables union all "
        "select database_name, schema_name, view_name, 0, 'VIEW' from duckdb_views) tables"
    )
    changed = text.template.replace("from duckdb_tables tables", both)
    changed = changed.replace("'BASE TABLE' AS", "tables.table_type AS")
    info_schema.SQL_CREATE_INFORMATION_SCHEMA_TABLES_VIEW = type(text)(changed)
