"""A Flow as frozen values: what one YAML file says, checked in itself but against no data."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    SkipValidation,
    StringConstraints,
    field_validator,
    model_validator,
)

from lume_dagster.flows.schema import TargetSchema

Handling = Literal["reject", "warn", "fail"]
CheckHandling = Literal["warn", "fail"]
WriteMode = Literal["replace_batch", "append", "merge", "replace"]
FileType = Literal["csv", "tsv", "json", "jsonl", "parquet", "excel"]
TargetFormat = Literal["parquet", "csv", "jsonl"]

#: A flow's name becomes a folder, an op and an asset key.
FlowName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
#: A word of SQL: a seed, a rule.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
Text = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
Owner = Annotated[
    str,
    StringConstraints(pattern=r"^(team:\S.*|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,})$"),
]


def _is_free(key: str) -> str:
    if key.startswith(("lume/", "dagster/")):
        raise ValueError("tags that begin with lume/ or dagster/ are kept; rename it.")
    return key


TagKey = Annotated[
    str,
    StringConstraints(pattern=r"^([A-Za-z0-9_.-]{1,63}/)?[A-Za-z0-9_.-]{1,63}$"),
    AfterValidator(_is_free),
]
TagValue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{0,63}$")]


def _as_expression(value: Any) -> Any:
    """A bare number or truth value in YAML is the expression that is written the same way."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return {key: _as_expression(inner) for key, inner in value.items()}
    return value


#: A SQL scalar expression in DuckDB's grammar; see plan/expressions.py for what it may say.
Expression = Annotated[
    str, StringConstraints(min_length=1, strip_whitespace=True), BeforeValidator(_as_expression)
]
#: A target field's mapping: an expression; for an object, a mapping of its properties;
#: for an array, ``{each: <list expression>, as: <name>, item: <mapping>}``.
MappingNode = Annotated[str | Mapping[str, Any], BeforeValidator(_as_expression)]


class Part(BaseModel):
    """A piece of a flow: frozen, and strict about names."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False
    )


_TEXT_OPTIONS = frozenset(
    {"delimiter", "quote", "escape", "encoding", "header", "columns", "skip_lines"}
)
#: Format type -> the options that say nothing about it.
_FOREIGN_OPTIONS: dict[str | None, frozenset[str]] = {
    None: frozenset(),
    "csv": frozenset({"records", "sheet", "join"}),
    "tsv": frozenset({"records", "sheet", "join", "delimiter"}),
    "json": (_TEXT_OPTIONS | {"sheet", "join"}) - {"encoding"},
    "jsonl": (_TEXT_OPTIONS | {"records", "sheet", "join"}) - {"encoding"},
    "parquet": _TEXT_OPTIONS | {"records", "sheet", "join"},
    "excel": frozenset({"delimiter", "quote", "escape", "encoding", "records"}),
}

#: A sheet of a workbook: its name, or its number from 1.
SheetName = PositiveInt | Text


class SheetJoin(Part):
    """Another sheet of the workbook, whose columns are put beside the rows that share its key."""

    sheet: SheetName = Field(description="Name of the sheet, or its number from 1.")
    on: tuple[Text, ...] = Field(
        min_length=1, description="Columns of both sheets; together they are unique in this one."
    )


def _of_text(encoding: str) -> str:
    try:  # hex is a codec, but none of text; idna and punycode are none of files
        b"a\n".decode(codecs.lookup(encoding).name, "backslashreplace")
    except (LookupError, UnicodeError):
        known = "use a name such as utf-8, windows-1252, latin-1, utf-16 or shift_jis"
        raise ValueError(f"the encoding {encoding!r} is not known; {known}.") from None
    return encoding


class SourceFormat(Part):
    """How the files of a batch are written. What is not said is detected."""

    type: FileType | None = Field(None, description="Kind of file.")
    delimiter: str | None = Field(
        None, min_length=1, max_length=4, description="Text between two CSV fields."
    )
    quote: str | None = Field(
        None, max_length=1, description="Character around a CSV field; empty for none."
    )
    escape: str | None = Field(
        None, max_length=1, description="Character before a quote inside a quoted CSV field."
    )
    encoding: Annotated[str, AfterValidator(_of_text)] | None = Field(
        None, min_length=1, description="Character encoding, such as utf-8 or windows-1252."
    )
    header: bool = Field(
        True, description="Whether the first line, or row of a sheet, names the columns."
    )
    columns: tuple[Text, ...] | None = Field(
        None, min_length=1, description="Column names of a file without a header."
    )
    skip_lines: int = Field(
        0, ge=0, description="Lines, or rows of a sheet, to pass over before the header or data."
    )
    nulls: tuple[str, ...] = Field(
        (), description='Texts that mean "no value"; an empty CSV field always does.'
    )
    records: Text | None = Field(
        None, description="Path of the list of records in a JSON document, such as `$.data.items`."
    )

    members: Text | None = Field(
        None,
        description="Which files of a zip archive are read: a pattern such as `*.csv`; all. Those"
        " left out are named.",
    )
    sheet: SheetName | None = Field(
        None, description="Sheet of an Excel workbook: its name, or its number from 1; the first."
    )
    join: tuple[SheetJoin, ...] = Field(
        (), description="Other sheets of the workbook, put beside the rows of the first by keys."
    )

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        given = self.model_fields_set & _FOREIGN_OPTIONS[self.type]
        for option in sorted(given):
            if getattr(self, option) != type(self).model_fields[option].default:
                raise ValueError(f"{option} says nothing about {self.type} files; remove it.")
        if self.columns is not None and self.header:
            raise ValueError("columns are for a file without a header; say header: false.")
        if self.columns is not None and len(set(self.columns)) < len(self.columns):
            raise ValueError("columns names a column twice.")
        return self


_SOURCE_PATH = ":source_path"
_SQL_NOISE = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|(\$\w*\$).*?\1""", re.DOTALL
)
_BIND = re.compile(r"(?<![:\w]):source_path(?!\w)")


class Source(Part):
    """Where batches come from: a store with a format, or a database with a query."""

    connector: Text = Field(description="Name of a connector of the code location.")
    format: SourceFormat = Field(SourceFormat(), description="How the files are written.")
    query: Text | None = Field(
        None,
        description="For a database: a SELECT in which `:source_path` is the batch's name.",
    )
    also_called: Mapping[Text, tuple[Text, ...]] = Field(
        {},
        description="Other names a column may have in a batch, by the name the flow uses: "
        "`{email: [e-mail, Mail]}`. They count where the batch has no column of the name itself.",
    )

    @field_validator("also_called")
    @classmethod
    def _called_once(cls, names: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        given = [other.casefold() for others in names.values() for other in others]
        twice = next((other for other in given if given.count(other) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice!r} is listed twice; a name stands for one column.")
        return names

    @model_validator(mode="after")
    def _query_fits(self) -> Self:
        if self.query is None:
            return self
        if self.format != SourceFormat():
            raise ValueError("format is for files and query for databases; keep one of the two.")
        if not _BIND.search(_SQL_NOISE.sub(" ", self.query)):
            raise ValueError(
                f"the query does not use {_SOURCE_PATH}, so every batch would be the same; "
                f"for example: WHERE batch_id = {_SOURCE_PATH} (without quotes)."
            )
        return self


class Target(Part):
    """Where mapped rows and rejects go."""

    connector: Text = Field(description="Name of a connector of the code location.")
    table: Text = Field(
        description="Table, with its schema: `ops.flights`. In a store: the folder below its root."
    )
    write: WriteMode = Field(
        "replace_batch",
        description="What happens to rows that are there: replace_batch replaces those of the "
        "same batch, append those of the same batch and version, merge those with the same key, "
        "replace all.",
    )
    key: tuple[Text, ...] = Field(
        (), description="Fields that identify a row; a row whose key came before is a reject."
    )
    format: TargetFormat = Field("parquet", description="How a store writes the rows.")

    @model_validator(mode="after")
    def _merge_has_a_key(self) -> Self:
        if self.write == "merge" and not self.key:
            raise ValueError(
                "write: merge needs a key; write key: [id], with the fields that identify a row."
            )
        if len(set(self.key)) < len(self.key):
            raise ValueError("key names a field twice.")
        return self


class Seed(Part):
    """Reference data: a CSV file beside the flow, and the column a lookup finds rows by."""

    path: Text = Field(description="CSV file, relative to the flow's folder: `seeds/airports.csv`.")
    key: Text = Field(description="Column that lookups search; its values are unique.")


class Rule(Part):
    """A condition on one row: the row breaks it when it is FALSE, not when it is NULL."""

    name: Name = Field(description="Names the rule in rejects, metrics and asset checks.")
    check: Expression = Field(description="SQL condition over source columns and `target.<field>`.")
    on_fail: Handling = Field(
        "reject", description="What a broken rule does: reject the row, warn, or fail the run."
    )
    message: Text | None = Field(
        None, description="What the reject says in place of the condition."
    )


class Bounds(Part):
    """A closed interval, either end of which may be open."""

    min: float | None = Field(None, description="Smallest value that passes.")
    max: float | None = Field(None, description="Largest value that passes.")

    @model_validator(mode="after")
    def _is_an_interval(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both.")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max.")
        return self


class NullRate(Part):
    """The share of mapped rows in which a field is NULL."""

    field: Text = Field(description="Target field.")
    max: float = Field(ge=0, le=1, description="Largest share that passes, 0 to 1.")


class Check(Part):
    """A condition on a whole batch; exactly one of the kinds is given."""

    unique: Text | tuple[Text, ...] | None = Field(
        None,
        description="Target field, or fields together, that repeat in no mapped row. NULL is no "
        "value of one field, and one like others of fields together.",
    )
    row_count: Bounds | None = Field(None, description="How many mapped rows the batch may have.")
    reject_rate: Bounds | None = Field(None, description="What share of rows may be rejected.")
    null_rate: NullRate | None = Field(None, description="How often a field may be NULL.")
    on_fail: CheckHandling = Field("fail", description="Whether a failed check fails the run.")

    @property
    def kind(self) -> str:
        """Which of the kinds is given."""
        return next(kind for kind in CHECK_KINDS if getattr(self, kind) is not None)

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        given = [kind for kind in CHECK_KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            what = f"has {' and '.join(given)}" if given else "says nothing"
            raise ValueError(f"{what}; a check is exactly one of {', '.join(CHECK_KINDS)}.")
        if self.unique == ():
            raise ValueError("unique names no field.")
        return self


CHECK_KINDS = ("unique", "row_count", "reject_rate", "null_rate")


class ErrorHandling(Part):
    """When bad rows make a bad batch, and what each schema keyword does to a row that breaks it."""

    max_error_rate: float = Field(
        1.0, ge=0, le=1, description="Share of rejected rows above which the run fails."
    )
    handling: Mapping[str, Handling] = Field(
        {},
        description="What a broken schema keyword does to its row: `keyword` or `field.keyword` to "
        "reject, warn or fail. Conversions are the keyword `type`. The default is reject.",
    )


class Flow(Part):
    """What one flow file says: target schema, mapping, rules, error handling, seeds, connectors."""

    lume: Literal[1] = Field(description="Version of the format of flow files.")
    flow: FlowName = Field(description="Name of the flow, and of its folder: a-z, 0-9 and _.")
    description: str | None = Field(None, description="What the flow is for; shown in the UI.")
    owners: tuple[Owner, ...] = Field((), description="E-mail addresses or `team:name`.")
    tags: Mapping[TagKey, TagValue] = Field({}, description="Labels, put on the assets and runs.")
    source: Source = Field(description="Where batches come from.")
    target: Target = Field(description="Where mapped rows and rejects go.")
    seeds: Mapping[Name, Seed] = Field({}, description="Reference data for lookups, by name.")
    schema_: Mapping[str, Any] = Field(
        alias="schema", description="The target schema: JSON Schema (draft 2020-12) of one row."
    )
    mapping: Mapping[str, MappingNode] = Field(
        description="How each target field is made: a SQL expression over source columns; for an "
        "object a mapping of its properties; for an array `{each, as, item}`."
    )
    rules: tuple[Rule, ...] = Field((), description="Conditions on one row.")
    checks: tuple[Check, ...] = Field((), description="Conditions on a whole batch.")
    errors: ErrorHandling = Field(ErrorHandling(), description="What bad rows do to the batch.")

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        """Raise FlowError, not ValueError: it carries every problem with its own place."""
        from lume_dagster.flows.agreement import require_agreement

        require_agreement(self)
        return self

    @cached_property
    def target_schema(self) -> TargetSchema:
        """The target schema, parsed."""
        return TargetSchema.parse(self.schema_)


class FlowVersion(Part):
    """A flow, frozen: what ``name:vN`` stands for."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    flow: SkipValidation[Flow]  # it was looked at before, which takes a tenth of loading it
    version: PositiveInt
    digest: str  # sha256 of the normalised flow and its seed files
    folder: str  # absolute; seed paths are relative to it
    published: bool  # False for the draft, which has the number the next version would get

    @property
    def name(self) -> str:
        """``flow:vN``, the address of the version."""
        return f"{self.flow.flow}:v{self.version}"

    @property
    def address(self) -> str:
        """``flow:vN``, or ``flow:draft``: what a person calls it by."""
        return self.name if self.published else f"{self.flow.flow}:draft"
