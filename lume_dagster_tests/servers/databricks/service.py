"""The calls of a warehouse's Thrift service, as far as databricks-sql-connector makes them."""

from __future__ import annotations

import datetime as dt
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from databricks.sql.thrift_api.TCLIService import ttypes as t

from lume_dagster_tests.servers.databricks.engine import worded
from lume_dagster_tests.servers.databricks.results import OK, Operation, handle
from lume_dagster_tests.servers.databricks.statements import Statements

_PROTOCOL = t.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V8
_STATE = re.compile(r"SQLSTATE: (\w{5})")
_ROWS, _BYTES = 10_000, 4 << 20

#: How the text of a native parameter becomes a value, by the first word of its type.
_VALUES: Mapping[str, Callable[[str], Any]] = {
    "BIGINT": int,
    "INT": int,
    "DOUBLE": float,
    "BOOLEAN": lambda text: text.lower() == "true",
    "DECIMAL": Decimal,
    "DATE": dt.date.fromisoformat,
    "TIMESTAMP": dt.datetime.fromisoformat,
}


class Service:
    """What the generated processor calls; one instance serves every client."""

    def __init__(self, statements: Statements, catalog: str) -> None:
        self._statements = statements
        self._catalog = catalog
        self._schemas: dict[bytes, str] = {}
        self._operations: dict[bytes, Operation] = {}

    def OpenSession(self, request: Any) -> Any:  # noqa: N802 - Thrift's name
        """A session with its default schema; a catalog that is not there is refused."""
        wanted = request.initialNamespace
        catalog = (wanted and wanted.catalogName) or self._catalog
        schema = (wanted and wanted.schemaName) or "default"
        if catalog != self._catalog:
            text = f"[NO_SUCH_CATALOG_EXCEPTION] Catalog '{catalog}' was not found. SQLSTATE: 42704"
            return t.TOpenSessionResp(status=_failed(text), serverProtocolVersion=_PROTOCOL)
        session = t.TSessionHandle(sessionId=handle(), serverProtocolVersion=_PROTOCOL)
        self._schemas[session.sessionId.guid] = schema
        return t.TOpenSessionResp(
            status=OK,
            serverProtocolVersion=_PROTOCOL,
            sessionHandle=session,
            initialNamespace=t.TNamespace(catalogName=catalog, schemaName=schema),
            canUseMultipleCatalogs=True,
        )

    def CloseSession(self, request: Any) -> Any:  # noqa: N802
        """Forget a session."""
        self._schemas.pop(request.sessionHandle.sessionId.guid, None)
        return t.TCloseSessionResp(status=OK)

    def ExecuteStatement(self, request: Any) -> Any:  # noqa: N802
        """Run a statement, and send the first of its rows with the answer."""
        session = request.sessionHandle.sessionId.guid
        try:
            given = enumerate(request.parameters or ())
            values = {p.name or str(i): _value(p) for i, p in given}
            answer = self._statements.run(request.statement, values, self._schemas[session])
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told
            traceback.print_exc(file=sys.stderr)
            return t.TExecuteStatementResp(status=_failed(worded(error)))
        return self._answered(Operation(answer.rows, answer.staging), request.getDirectResults)

    def _answered(self, operation: Operation, wanted: Any) -> Any:
        """The answer with as many rows as the client takes; it is closed when those are all."""
        kind = t.TOperationType.EXECUTE_STATEMENT
        known = t.TOperationHandle(operationId=handle(), operationType=kind, hasResultSet=True)
        self._operations[known.operationId.guid] = operation
        response = t.TExecuteStatementResp(status=OK, operationHandle=known)
        if wanted:
            rows = operation.fetch(wanted.maxRows or _ROWS, wanted.maxBytes or _BYTES)
            response.directResults = t.TSparkDirectResults(
                operationStatus=self.GetOperationStatus(None),
                resultSetMetadata=operation.metadata(),
                resultSet=rows,
            )
            if not rows.hasMoreRows:
                response.directResults.closeOperation = self._closed(known)
        return response

    def GetOperationStatus(self, _: Any) -> Any:  # noqa: N802
        """Statements run while their client waits: they are always finished."""
        finished = t.TOperationState.FINISHED_STATE
        return t.TGetOperationStatusResp(status=OK, operationState=finished)

    def GetResultSetMetadata(self, request: Any) -> Any:  # noqa: N802
        """The columns of a result."""
        return self._operations[request.operationHandle.operationId.guid].metadata()

    def FetchResults(self, request: Any) -> Any:  # noqa: N802
        """The next rows of a result."""
        operation = self._operations[request.operationHandle.operationId.guid]
        return operation.fetch(request.maxRows or _ROWS, request.maxBytes or _BYTES)

    def CloseOperation(self, request: Any) -> Any:  # noqa: N802
        """Forget a result."""
        return self._closed(request.operationHandle)

    def _closed(self, known: Any) -> Any:
        self._operations.pop(known.operationId.guid, None)
        return t.TCloseOperationResp(status=OK)

    def CancelOperation(self, _: Any) -> Any:  # noqa: N802
        """There is nothing to cancel."""
        return t.TCancelOperationResp(status=OK)


def _value(parameter: Any) -> Any:
    text = parameter.value.stringValue if parameter.value else None
    if text is None or parameter.type == "VOID":
        return None
    word = re.split(r"\W", parameter.type or "STRING")[0].upper()
    return _VALUES.get(word, str)(text)


def _failed(text: str) -> Any:
    """An error as the server words it: its first lines, with the SQLSTATE it names."""
    words = text.split("\n\nJVM", maxsplit=1)[0][:2000]
    state = _STATE.search(words)
    return t.TStatus(
        statusCode=t.TStatusCode.ERROR_STATUS,
        errorMessage=words,
        displayMessage=words,
        sqlState=state[1] if state else "HY000",
        infoMessages=[words],
    )
