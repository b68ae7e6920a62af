"""Read a table's files of each format back with the types that their columns have."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa

from lume_dagster.connectors.file_table.formats import FORMATS


def load_parquet(connection, files, types):
    query = "SELECT * FROM read_parquet($files)"
    return connection.sql(query, params={"files": files}).to_arrow_table()


def load_csv(connection, files, types):
    """CSV has no types of its own: read with the columns' types, every value is exact."""
    query = FORMATS["csv"].read
    outputs = ", ".join(_typed(n, t) for n, t in types.items() if n != "errors")
    values = {"files": files, "columns": dict.fromkeys(types, "VARCHAR")}
    return connection.sql(f"SELECT {outputs} FROM {query}", params=values).to_arrow_table()


def load_json_lines(connection, files, types):
    """JSON has no dates or decimals: its text, cast to the columns' types, is exact."""
    lines = [line for file in files for line in Path(file).read_text("utf-8").splitlines()]
    rows = [(json.loads(line), json.loads(line, parse_float=str)) for line in lines]
    texts = {
        name: [_text_of(plain[name], exact[name], type_) for plain, exact in rows]
        for name, type_ in types.items()
        if name != "errors"
    }
    schema = pa.schema([(name, pa.string()) for name in texts])
    connection.register("lines", pa.table(texts, schema=schema))
    outputs = ", ".join(_typed(n, types[n]) for n in texts)
    return connection.sql(f"SELECT {outputs} FROM lines").to_arrow_table()


LOADERS = {"parquet": load_parquet, "csv": load_csv, "jsonl": load_json_lines}


def _typed(name, type_):
    quoted = '"' + name.replace('"', '""') + '"'
    return f"CAST({quoted} AS {type_}) AS {quoted}"


def _text_of(plain, exact, type_):
    if plain is None:
        return None
    return json.dumps(plain) if type_ == "JSON" else str(exact)
