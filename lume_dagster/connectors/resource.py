"""What every connector shares as a Dagster resource: hidden secrets, resolved EnvVars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import dagster as dg
from pydantic import ConfigDict

from lume_dagster.connectors.hidden import HIDDEN, without_secrets
from lume_dagster.errors import ConnectorError


class ConnectorResource(dg.ConfigurableResource[Any]):
    """A Dagster resource whose secret fields never show in a repr or a validation error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    #: Fields whose values are never shown.
    secret_fields: ClassVar[frozenset[str]] = frozenset()

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """The fields, with a dot for every secret."""
        for name, value in super().__repr_args__():
            hide = name in self.secret_fields and value is not None
            yield name, HIDDEN if hide else value

    def without_secrets(self, text: str) -> str:
        """A text in which no value of a secret field stands any more."""
        values = [str(v) for v in map(self._known, self.secret_fields) if v is not None]
        return without_secrets(text, values)

    def text(self, field: str) -> str:
        """A text field's value, read from the environment where it was given as ``EnvVar``."""
        return str(self._resolved(field))

    def optional_text(self, field: str) -> str | None:
        """Like ``text``, for a field that may be left out."""
        return None if getattr(self, field) is None else self.text(field)

    def number(self, field: str) -> int:
        """An integer field's value, also where it was given as ``EnvVar.int``."""
        return int(self._resolved(field))

    def values(self, field: str) -> dict[str, Any]:
        """A field of named values, each read from the environment where it is an ``EnvVar``."""
        named = getattr(self, field)
        return {name: self._found(f"{field}[{name!r}]", value) for name, value in named.items()}

    def require_variables(self) -> None:
        """Look at every field that is read from the environment.

        Raises:
            ConnectorError: a variable is not set.
        """
        for field in type(self).model_fields:
            if isinstance(getattr(self, field), Mapping):
                self.values(field)
            else:
                self._resolved(field)

    def _known(self, field: str) -> Any:
        """A field's value; None where the environment variable it is read from is not set."""
        return _read(getattr(self, field))

    def _resolved(self, field: str) -> Any:
        return self._found(field, getattr(self, field))

    def _found(self, field: str, value: Any) -> Any:
        """A value, or what the environment holds in its place."""
        found = _read(value)
        if found is None and hasattr(value, "env_var_name"):
            raise ConnectorError(
                f"The environment variable {value.env_var_name} is not set; "
                f"{type(self).__name__}.{field} is read from it.",
                hint=f"export {value.env_var_name}=... before starting Dagster",
            )
        return found


def _read(value: Any) -> Any:
    return value.get_value() if hasattr(value, "env_var_name") else value
