"""A Flow as frozen values: what one YAML file says, checked for shape but not yet against any data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, StringConstraints

from lume_dagster.flows.schema import TargetSchema

Handling = Literal["reject", "warn", "fail"]
CheckHandling = Literal["warn", "fail"]
WriteMode = Literal["replace_batch", "append", "merge", "replace"]
FileType = Literal["csv", "tsv", "json", "jsonl", "parquet"]
TargetFormat = Literal["parquet", "csv", "jsonl"]

#: A flow's name becomes a folder, an op and an asset key.
FlowName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
#: A SQL scalar expression in DuckDB's grammar; see plan/expressions.py for what it may say.
Expression = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
#: A target field's mapping: an expression; for an object, a mapping of its properties;
#: for an array, ``{each: <list expression>, as: <name>, item: <mapping>}``.
MappingNode = str | Mapping[str, Any]


class Part(BaseModel):
    """A piece of a flow: frozen, and strict about names."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class SourceFormat(Part):
    """How the files of a batch are written. What is not said is detected.

    ``nulls`` are texts that mean "no value"; an empty CSV field always does. ``records`` is the
    path of the list of records in a JSON document, such as ``$.data.items``.
    """

    type: FileType | None = None
    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    encoding: str | None = None
    header: bool = True
    columns: tuple[str, ...] | None = None
    skip_lines: int = Field(0, ge=0)
    nulls: tuple[str, ...] = ()
    records: str | None = None


class Source(Part):
    """Where batches come from: a store with a format, or a database with a query."""

    connector: str
    format: SourceFormat = SourceFormat()
    query: str | None = None


class Target(Part):
    """Where mapped rows and rejects go."""

    connector: str
    table: str
    write: WriteMode = "replace_batch"
    key: tuple[str, ...] = ()
    format: TargetFormat = "parquet"


class Seed(Part):
    """Reference data: a CSV file beside the flow, and the column a lookup finds rows by."""

    path: str
    key: str


class Rule(Part):
    """A condition on one row: the row breaks it when it is FALSE, not when it is NULL."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    check: Expression
    on_fail: Handling = "reject"
    message: str | None = None


class Bounds(Part):
    """A closed interval, either end of which may be open."""

    min: float | None = None
    max: float | None = None


class NullRate(Part):
    """The share of mapped rows in which a field is NULL."""

    field: str
    max: float = Field(ge=0, le=1)


class Check(Part):
    """A condition on a whole batch; exactly one of the kinds is given."""

    unique: str | tuple[str, ...] | None = None
    row_count: Bounds | None = None
    reject_rate: Bounds | None = None
    null_rate: NullRate | None = None
    on_fail: CheckHandling = "fail"


class ErrorHandling(Part):
    """When bad rows make a bad batch, and what each schema keyword does to a row that breaks it.

    ``handling`` maps ``keyword`` or ``field.keyword`` to reject, warn or fail; conversions are the
    keyword ``type``.
    """

    max_error_rate: float = Field(1.0, ge=0, le=1)
    handling: Mapping[str, Handling] = {}


class Flow(Part):
    """What one flow file says."""

    lume: Literal[1]
    flow: FlowName
    description: str | None = None
    owners: tuple[str, ...] = ()
    tags: Mapping[str, str] = {}
    source: Source
    target: Target
    seeds: Mapping[str, Seed] = {}
    schema_: Mapping[str, Any] = Field(alias="schema")
    mapping: Mapping[str, MappingNode]
    rules: tuple[Rule, ...] = ()
    checks: tuple[Check, ...] = ()
    errors: ErrorHandling = ErrorHandling()

    @cached_property
    def target_schema(self) -> TargetSchema:
        """The target schema, parsed."""
        return TargetSchema.parse(self.schema_)


class FlowVersion(Part):
    """A flow, frozen: what ``name:vN`` stands for."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    flow: Flow
    version: PositiveInt
    digest: str  # sha256 of the normalised flow and its seed files
    folder: str  # absolute; seed paths are relative to it
    published: bool  # False for the draft, which has the number the next version would get

    @property
    def name(self) -> str:
        """``flow:vN``, the address of the version."""
        return f"{self.flow.flow}:v{self.version}"
