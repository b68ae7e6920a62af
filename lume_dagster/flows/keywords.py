"""The keywords of JSON Schema a target schema may use, and what to do in place of the others."""

from __future__ import annotations

ANNOTATIONS = frozenset({"title", "description", "examples", "$schema", "$id", "$comment"})
_BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_SCALAR = frozenset({"type", "enum", "const", "default"}) | ANNOTATIONS

#: Type -> the keywords that mean something for it.
KEYWORDS: dict[str, frozenset[str]] = {
    "string": _SCALAR | {"pattern", "minLength", "maxLength", "format"},
    "integer": _SCALAR | _BOUNDS,
    "number": _SCALAR | _BOUNDS,
    "boolean": _SCALAR,
    "object": ANNOTATIONS | {"type", "properties", "required", "additionalProperties"},
    "array": ANNOTATIONS | {"type", "items", "minItems", "maxItems"},
}
KNOWN = frozenset().union(*KEYWORDS.values())

#: Keyword -> what it does here, in the order of the reference.
MEANINGS = {
    "type": "Type of the value, one of them; `[string, 'null']` says that null may be written out.",
    "enum": "The values there are; another one is NOT_IN_ENUM. Null is one of them if listed.",
    "const": "The only value there is; the same as an enum of one.",
    "default": "Stands in where the mapping gives NULL or is left out.",
    "format": "Form of a text: date, date-time, time and uuid become a type of their own, beside"
    " which no pattern, minLength or maxLength is taken.",
    "pattern": "Regular expression (RE2) that matches somewhere in the text; ^ and $ anchor it.",
    "minLength": "Fewest characters.",
    "maxLength": "Most characters.",
    "minimum": "Smallest number.",
    "maximum": "Largest number.",
    "exclusiveMinimum": "Number that the value is above.",
    "exclusiveMaximum": "Number that the value is below.",
    "multipleOf": "Step between values; 0.01 makes an exact decimal with two places, of 18 digits,"
    " while 0.05 makes a double, which may be off by a billionth.",
    "properties": "Fields of an object, by name, in the order they are written.",
    "required": "Names of the fields that are never NULL; beside `properties`.",
    "additionalProperties": "May be left out or false: only listed properties are written.",
    "items": "Schema of each item of an array; an item is null only where its type says so.",
    "minItems": "Fewest items.",
    "maxItems": "Most items.",
    "title": "A short name, for people.",
    "description": "What the field is; shown in the UI.",
    "examples": "Values that could stand here, for people.",
    "$schema": "Draft the schema is written in, for people.",
    "$id": "Where the schema comes from, for people.",
    "$comment": "A remark, for people.",
}

ONE_TYPE = "give the property one type, and constrain its value with a rule if need be"
_WRITE_OUT = "write the schema out where it is used"
_RULE = "say it as a rule of the flow"
_LIST = "list the properties by name"
#: Keywords of JSON Schema that are refused, with what to do instead.
REMEDIES = {
    "$ref": _WRITE_OUT,
    "$defs": _WRITE_OUT,
    "definitions": _WRITE_OUT,
    "allOf": "merge the schemas into one",
    "anyOf": ONE_TYPE,
    "oneOf": ONE_TYPE,
    "not": _RULE,
    "if": _RULE,
    "then": _RULE,
    "else": _RULE,
    "dependentRequired": _RULE,
    "dependentSchemas": _RULE,
    "patternProperties": _LIST,
    "propertyNames": _LIST,
    "unevaluatedProperties": _LIST,
    "minProperties": "list what is needed under required",
    "maxProperties": _LIST,
    "uniqueItems": "make the items distinct in the mapping: list_distinct(...)",
    "contains": _RULE,
    "prefixItems": "make it an object with named properties",
    "contentEncoding": "decode the value in the mapping",
    "nullable": "write type: [string, 'null'] instead",
}
