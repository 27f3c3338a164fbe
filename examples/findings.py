"""Rows that a job has put into quarantine, read back from the warehouse."""

from __future__ import annotations

import re
from contextlib import closing
from typing import Any

import pymysql
from pymysql.cursors import DictCursor

SHOWN_ROWS = 10

_QUERY = """
SELECT reason, column_name, value, coordinates
FROM ops_quarantine
WHERE run_id = %(run_id)s
ORDER BY target, coordinates
LIMIT %(shown)s
"""


def quarantined(port: int, run_id: str) -> list[dict[str, Any]]:
    """The first rows that a run put into quarantine, in the order of their coordinates."""
    connection = pymysql.connect(host="127.0.0.1", port=port, user="root", database="dw", cursorclass=DictCursor)
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(_QUERY, {"run_id": run_id, "shown": SHOWN_ROWS})
        return sorted(cursor.fetchall(), key=_place)


def _place(row: dict[str, Any]) -> list[tuple[int, str]]:
    """Orders coordinates as people do: line 99 before line 100."""
    parts = re.split(r"(\d+)", row["coordinates"])
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
