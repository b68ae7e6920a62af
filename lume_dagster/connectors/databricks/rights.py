"""What a user may do with the tables of a delivery, as Unity Catalog's information schema tells it.

It tells people their own grants and those of their groups; who owns or manages a thing sees the
grants of others too, and may do more than is listed. So a right is missing only where all that is
listed is the user's own and the right is not among it: where less is known, nothing is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lume_dagster.connectors.databricks.session import Session, identifier, literal
from lume_dagster.connectors.databricks.shape import Existing, wanted_tables
from lume_dagster.connectors.protocol import Delivery
from lume_dagster.connectors.sql.tables import Tables
from lume_dagster.errors import ConnectorError, TransientError

_ON_A_TABLE, _ON_THE_SCHEMA = ("SELECT", "MODIFY"), ("CREATE TABLE",)
_ALL, _OWN = "ALL PRIVILEGES", "OWN"
_EVERYBODY = "account users"
_TABLE, _SCHEMA = "TABLE", "SCHEMA"

#: Grants and owners, by views of the information schema: columns that name the thing, who, what.
_VIEWS = (
    (_TABLE, "table_privileges", "table_schema", "table_name", "grantee", "privilege_type"),
    (_TABLE, "tables", "table_schema", "table_name", "table_owner", f"'{_OWN}'"),
    (_SCHEMA, "schema_privileges", "schema_name", "schema_name", "grantee", "privilege_type"),
    (_SCHEMA, "schemata", "schema_name", "schema_name", "schema_owner", f"'{_OWN}'"),
)
#: Where there is no information schema (``hive_metastore``), or it may not be read.
_UNTOLD = ("TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND", "INSUFFICIENT_PERMISSIONS")


@dataclass(frozen=True, slots=True)
class _Grant:
    kind: str
    name: str
    who: str
    what: str


def refuse_missing_rights(
    session: Session, delivery: Delivery, tables: Tables, there: Mapping[str, Existing]
) -> None:
    """Refuse a user who may not write to tables that are there, or make those that are not."""
    names = [name for name, _ in wanted_tables(delivery, tables)]
    user, grants = _told(session, tables, names)
    if not grants:
        return
    others = {grant.who for grant in grants} - {user, _EVERYBODY}
    mine = {user, _EVERYBODY, *_groups(session, others)} if others else {user, _EVERYBODY}
    lacking = [
        f"{right} on {tables.location(name)}"
        for name in names
        if name in there
        for right in _lacks(grants, mine, (_TABLE, name), _ON_A_TABLE)
    ]
    if not all(name in there for name in names):
        where = f"the schema {tables.database}.{tables.schema}"
        missing = _lacks(grants, mine, (_SCHEMA, tables.schema), _ON_THE_SCHEMA)
        lacking += [f"{right} on {where}" for right in missing]
    if lacking:
        raise ConnectorError(
            f"The user {user} lacks the right to {', '.join(lacking)}.",
            hint=f"have the owner GRANT it to {user} or to a group of that user",
        )


def _lacks(
    grants: Collection[_Grant],
    mine: Collection[str],
    thing: tuple[str, str],
    wanted: tuple[str, ...],
) -> list[str]:
    """What of ``wanted`` is surely not granted."""
    found = [grant for grant in grants if (grant.kind, grant.name) == thing]
    listed = [grant for grant in found if grant.what != _OWN]
    owns = any(grant.what == _OWN and grant.who in mine for grant in found)
    if owns or not listed or any(grant.who not in mine for grant in listed):
        return []
    held = {grant.what for grant in listed}
    return [] if _ALL in held else [right for right in wanted if right not in held]


def _told(session: Session, tables: Tables, names: list[str]) -> tuple[str, list[_Grant]]:
    """The user, and every grant that can be seen; none where nothing is told."""
    listed = ", ".join(f":name{i}" for i in range(len(names)))
    values = {"schema": tables.schema, **{f"name{i}": name for i, name in enumerate(names)}}
    parts = []
    for kind, view, schema, name, who, what in _VIEWS:
        place = identifier(tables.database, "information_schema", view)
        which = f"AND {name} IN ({listed})" if kind == _TABLE else ""
        chosen = f"'{kind}' AS kind, {name} AS name, {who} AS who, {what} AS what"
        parts.append(f"SELECT {chosen} FROM {place} WHERE {schema} = :schema {which}")
    query = f"SELECT current_user(), kind, name, who, what FROM ({' UNION ALL '.join(parts)})"
    try:
        rows = session.rows(query, values)
    except TransientError:
        raise
    except ConnectorError as error:
        if any(word in error.message for word in _UNTOLD):
            return "", []
        raise
    grants = [
        _Grant(str(kind), str(name).lower(), str(who).lower(), str(what).upper().replace("_", " "))
        for _, kind, name, who, what in rows
    ]
    return (str(rows[0][0]).lower() if rows else ""), grants


def _groups(session: Session, names: Collection[str]) -> list[str]:
    """Those of the names that are groups with this user in them."""
    ordered = sorted(names)
    asked = ", ".join(f"is_account_group_member({literal(name)})" for name in ordered)
    (answers,) = session.rows(f"SELECT {asked}")
    return [name for name, is_member in zip(ordered, answers, strict=True) if is_member]
