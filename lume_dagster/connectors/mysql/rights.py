"""Ask a MySQL server what the user may do, without doing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lume_dagster.connectors.mysql.session import Session, said
from lume_dagster.connectors.mysql.shape import DIALECT, quoted
from lume_dagster.connectors.sql.ddl import RUN_ID
from lume_dagster.connectors.sql.tables import LEDGER, Tables
from lume_dagster.errors import ConnectorError

_DENIED = {1044, 1142, 1143, 1227, 1370}

#: Statements that are only explained: the server asks for the same right and runs nothing.
_PROBES: Mapping[str, str] = {
    "SELECT": "EXPLAIN SELECT 1 FROM {table} WHERE 1 = 0",
    "INSERT": "EXPLAIN INSERT INTO {table} ({column}) VALUES ('')",
    "UPDATE": "EXPLAIN UPDATE {table} SET {column} = '' WHERE 1 = 0",
    "DELETE": "EXPLAIN DELETE FROM {table} WHERE 1 = 0",
}

_MAY_CREATE = """
SELECT COUNT(*) FROM (
  SELECT grantee, privilege_type FROM information_schema.user_privileges
  UNION ALL
  SELECT grantee, privilege_type FROM information_schema.schema_privileges
  WHERE %s LIKE table_schema
) held
WHERE privilege_type = 'CREATE' AND grantee = CONCAT(
  '''', LEFT(CURRENT_USER(), CHAR_LENGTH(CURRENT_USER())
    - CHAR_LENGTH(SUBSTRING_INDEX(CURRENT_USER(), '@', -1)) - 1),
  '''@''', SUBSTRING_INDEX(CURRENT_USER(), '@', -1), '''')
"""


def refuse_missing_rights(session: Session, tables: Tables, there: Mapping[str, object]) -> None:
    """Refuse a user who may not write, before anything is written.

    Few statements need all rights on all tables; where one may not be run, each right is asked for.
    """
    wanted = (tables.name, tables.rejects_name, LEDGER)
    names = [name for name in wanted if name in there]
    lacking: list[str] = []
    if not all(_may(session, probe) for probe in _whole_probes(tables, names)):
        lacking += [
            f"{right} on {tables.location(name)}"
            for name in names
            for right, probe in _PROBES.items()
            if not _may(session, _filled(probe, tables, name))
        ]
    if len(names) < len(wanted):
        lacking += _lacking_to_create(session, tables)
    if lacking:
        user = session.rows("SELECT CURRENT_USER()")[0][0]
        raise ConnectorError(
            f"The user {user} lacks the right to {', '.join(lacking)}.",
            hint="have the owner of the database GRANT it",
        )


def _whole_probes(tables: Tables, names: Sequence[str]) -> list[str]:
    """Statements that together need every right on every table."""
    if not names:
        return []
    aliases = [f"t{number}" for number in range(len(names))]
    columns = [f"{a}.{_column(name)}" for a, name in zip(aliases, names, strict=True)]
    listed = ", ".join(
        f"{tables.sql(name).sql(DIALECT)} AS {a}" for a, name in zip(aliases, names, strict=True)
    )
    none = f"1 = 0 AND COALESCE({', '.join(columns)}) = ''"
    return [
        f"EXPLAIN UPDATE {listed} SET {', '.join(f'{c} = {c}' for c in columns)} WHERE {none}",
        f"EXPLAIN DELETE {', '.join(aliases)} FROM {listed} WHERE {none}",
        *(_filled(_PROBES["INSERT"], tables, name) for name in names),
    ]


def _filled(probe: str, tables: Tables, name: str) -> str:
    return probe.format(table=tables.sql(name).sql(DIALECT), column=_column(name))


def _column(name: str) -> str:
    return quoted("run_id" if name == LEDGER else RUN_ID)


def _may(session: Session, probe: str) -> bool:
    import pymysql

    try:
        session.rows(probe)
    except pymysql.Error as error:
        if said(error)[0] not in _DENIED:
            raise
        return False
    return True


def _lacking_to_create(session: Session, tables: Tables) -> list[str]:
    """Whether tables may be made; rights by way of a role show only when they are used.

    A server that may only be read refuses to begin this, as it does what is explained.
    """
    session.run("START TRANSACTION READ WRITE")
    role = session.rows("SELECT CURRENT_ROLE()")[0][0]
    if role not in {None, "NONE"} or session.rows(_MAY_CREATE, (tables.schema,))[0][0]:
        return []
    return [f"CREATE tables in the database {tables.schema}"]
