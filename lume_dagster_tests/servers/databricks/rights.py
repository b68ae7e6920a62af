"""The information schema of Unity Catalog as far as grants go, which Sail has not.

A test says which grants there are; where it says none, there is no information schema, as in
``hive_metastore``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_VIEW = re.compile(r"`\w+`\.`information_schema`\.`(\w+)`")
_MEMBER = re.compile(r"is_account_group_member\(('(?:[^'\\]|\\.)*')\)")

#: The columns that each view has of the rows that a test gives: schema, thing, who, what.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "table_privileges": ("table_schema", "table_name", "grantee", "privilege_type"),
    "tables": ("table_schema", "table_name", "table_owner", "what"),
    "schema_privileges": ("schema_name", "thing", "grantee", "privilege_type"),
    "schemata": ("schema_name", "thing", "schema_owner", "what"),
}


@dataclass
class Rights:
    """Rows of the views by their names, and the groups that the user is in."""

    rows: Mapping[str, list[list[str]]] = field(default_factory=dict)
    groups: tuple[str, ...] = ()

    def local(self, sql: str) -> str:
        """The statement with what Sail can run for what it cannot."""
        if self.rows:
            sql = _VIEW.sub(lambda found: self._view(found[1]), sql)
        groups = ", ".join(map(_text, ("nobody", *self.groups)))
        return _MEMBER.sub(lambda found: f"({found[1]} IN ({groups}))", sql)

    def _view(self, name: str) -> str:
        rows = self.rows.get(name, [])
        values = ", ".join(f"({', '.join(map(_text, row))})" for row in rows or [[""] * 4])
        columns = ", ".join(_COLUMNS[name])
        return f"(SELECT * FROM VALUES {values} AS v({columns}) WHERE {str(bool(rows)).lower()})"


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
