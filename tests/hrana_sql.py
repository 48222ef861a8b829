"""What a libSQL server does with statements: runs them on SQLite, and says values and errors as its protocol has them."""

import base64
import sqlite3
from typing import Any


def execute(stream: sqlite3.Connection, statement: dict[str, Any]) -> dict[str, Any]:
    sql = statement["sql"]
    named = {each["name"].lstrip(":@$"): _given(each["value"]) for each in statement.get("named_args", [])}
    placed = [_given(each) for each in statement.get("args", [])]
    cursor = stream.execute(sql, named or placed)
    rows = cursor.fetchall() if statement.get("want_rows", True) else []
    return {
        "cols": [{"name": column[0], "decltype": None} for column in cursor.description or ()],
        "rows": [[_told(value) for value in row] for row in rows],
        "affected_row_count": max(cursor.rowcount, 0),
        "last_insert_rowid": None if cursor.lastrowid is None else str(cursor.lastrowid),
    }


def batch(stream: sqlite3.Connection, asked: dict[str, Any]) -> dict[str, Any]:
    results: list[dict[str, Any] | None] = []
    errors: list[dict[str, Any] | None] = []
    for step in asked["steps"]:
        result = error = None
        if _holds(step.get("condition"), results, errors, stream):
            try:
                result = execute(stream, step["stmt"])
            except (sqlite3.Error, ValueError) as failed:
                error = told_error(failed)
        results.append(result)
        errors.append(error)
    return {"step_results": results, "step_errors": errors}


def _holds(condition: dict[str, Any] | None, results: list[Any], errors: list[Any], stream: sqlite3.Connection) -> bool:
    match condition:
        case None:
            return True
        case {"type": "ok", "step": int(step)}:
            return results[step] is not None
        case {"type": "error", "step": int(step)}:
            return errors[step] is not None
        case {"type": "not", "cond": dict(inner)}:
            return not _holds(inner, results, errors, stream)
        case {"type": "and", "conds": list(inner)}:
            return all(_holds(each, results, errors, stream) for each in inner)
        case {"type": "or", "conds": list(inner)}:
            return any(_holds(each, results, errors, stream) for each in inner)
        case {"type": "is_autocommit"}:
            return not stream.in_transaction
    raise ValueError(f"no condition: {condition}")


def describe(stream: sqlite3.Connection, sql: str) -> dict[str, Any]:
    """Enough for clients that ask which columns a SELECT has before they run it."""
    reads = sql.lstrip().upper().startswith(("SELECT", "WITH"))
    unbound = [None] * sql.count("?")
    columns = stream.execute(f"SELECT * FROM ({sql.rstrip().rstrip(';')}) LIMIT 0", unbound).description if reads else ()
    return {
        "params": [],
        "cols": [{"name": column[0], "decltype": None} for column in columns or ()],
        "is_explain": False,
        "is_readonly": reads,
    }


def _given(value: dict[str, Any]) -> Any:
    match value["type"]:
        case "null":
            return None
        case "integer":
            return int(value["value"])
        case "blob":
            return base64.b64decode(value["base64"] + "==")
        case _:
            return value["value"]


def _told(value: Any) -> dict[str, Any]:
    match value:
        case None:
            return {"type": "null"}
        case int():
            return {"type": "integer", "value": str(value)}
        case float():
            return {"type": "float", "value": value}
        case bytes():
            return {"type": "blob", "base64": base64.b64encode(value).decode()}
        case _:
            return {"type": "text", "value": value}


def told_error(error: Exception) -> dict[str, Any]:
    return {"message": str(error), "code": getattr(error, "sqlite_errorname", "SQL_PARSE_ERROR")}
