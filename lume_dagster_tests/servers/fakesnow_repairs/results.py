"""Results as Snowflake sends them: NULL timestamps are NULL, long results come in pieces."""

import itertools
from collections import OrderedDict
from contextvars import ContextVar
from importlib import import_module

import fakesnow.arrow
import pyarrow as pa
import pyarrow.compute as pc
from fakesnow.cursor import FakeSnowflakeCursor
from starlette.responses import Response
from starlette.routing import Route

server = import_module("fakesnow.server")  # `fakesnow.server` is a function's name too

ROWS_IN_A_PIECE = 50_000

_pieces: "OrderedDict[int, bytes]" = OrderedDict()
_numbers = itertools.count()
_rest: ContextVar[list[dict]] = ContextVar("rest", default=[])  # noqa: B039 - never changed

_to_struct, _to_ipc = fakesnow.arrow.timestamp_to_sf_struct, fakesnow.arrow.to_ipc
_json_response = server.JSONResponse


def apply() -> None:
    """Mend fakesnow's results."""
    fakesnow.arrow.timestamp_to_sf_struct = timestamp_struct
    server.to_ipc = first_piece
    server.JSONResponse = with_pieces
    server.app.router.routes.append(Route("/pieces/{number:int}", piece, methods=["GET"]))
    server.shared_fs.results_cache = LastResults()
    FakeSnowflakeCursor._describe_last_sql = describe_last_sql


def describe_last_sql(cursor: FakeSnowflakeCursor) -> list:
    """The columns of a result; fakesnow parsed and wrote the statement anew to ask for them."""
    said = cursor._duck_conn.execute(f"DESCRIBE {cursor._last_sql}", cursor._last_params)
    return said.fetchall()


def timestamp_struct(values: pa.Array) -> pa.StructArray:
    """fakesnow leaves the validity out: NULL came back as 1970-01-01."""
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    made = _to_struct(values)
    if values.null_count == 0:
        return made
    kinds = [made.type.field(i) for i in range(made.type.num_fields)]
    parts = [pc.fill_null(made.field(i), 0) for i in range(made.type.num_fields)]
    return pa.StructArray.from_arrays(parts, fields=kinds, mask=pc.is_null(values))


def first_piece(table: pa.Table) -> pa.Buffer:
    """Answer with the first rows; the others wait to be fetched, as from Snowflake's storage."""
    told = []
    for start in range(ROWS_IN_A_PIECE, table.num_rows, ROWS_IN_A_PIECE):
        rows = table.slice(start, ROWS_IN_A_PIECE)
        number, body = next(_numbers), _to_ipc(rows).to_pybytes()
        _pieces[number] = body
        size = {"uncompressedSize": len(body), "compressedSize": len(body)}
        told.append({"url": f"/pieces/{number}", "rowCount": rows.num_rows, **size})
    _rest.set(told)
    return _to_ipc(table.slice(0, ROWS_IN_A_PIECE))


def with_pieces(content: dict, **more: object) -> Response:
    """Tell the client of the pieces that wait."""
    told, data = _rest.get(), content.get("data")
    if told and isinstance(data, dict) and "rowsetBase64" in data:
        _rest.set([])
        data["chunks"] = [{**one, "url": f"{server.base_url}{one['url']}"} for one in told]
        data["chunkHeaders"] = {}
    return _json_response(content, **more)


def piece(request) -> Response:
    """One piece of a result, once."""
    return Response(_pieces.pop(request.path_params["number"]))


class LastResults(OrderedDict):
    """fakesnow keeps the results of every query for ever; the last few are enough."""

    def __setitem__(self, key: object, value: object) -> None:
        super().__setitem__(key, value)
        while len(self) > 8:
            self.popitem(last=False)
