"""What a night did, read from the ledger: its runs, loads, quarantine and backups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from lib.quarantine import OPEN
from lib.settings import settings
from lib.warehouse import Row, Warehouse

# Coordinates that are shown of each table and reason; the query of the check shows more.
_SAMPLES = 5


@dataclass(frozen=True)
class NightRecord:
    """The night's rows of the ledger, each with plain names; nothing here holds data of a loaded row."""

    runs: list[Row]
    loads: list[Row]
    quarantine: list[Row]
    backups: list[Row]


def read(warehouse: Warehouse, cycle: date, *, without_run: str = "") -> NightRecord:
    """Reads the night; `without_run` leaves out the run that is asking."""
    return NightRecord(
        runs=runs(warehouse, cycle, without_run=without_run),
        loads=loads(warehouse, cycle),
        quarantine=quarantine(warehouse, cycle),
        backups=warehouse.read(
            "SELECT label, state, finished_at, objects, error FROM ops_backup WHERE cycle = %s ORDER BY label",
            (cycle,),
        ),
    )


def server(warehouse: Warehouse) -> str:
    """Which database was looked at, where and in which version: for the foot of a report."""
    where = f"{settings().starrocks_host}:{settings().starrocks_port}"
    return f"{warehouse.database} at {where}, StarRocks {warehouse.value('SELECT current_version()')}"


def loads(warehouse: Warehouse, cycle: date) -> list[Row]:
    """The loads of a night, added up by table."""
    rows = warehouse.read(
        "SELECT target, count(*) AS parts, sum(rows_read) AS rows_read, sum(rows_loaded) AS rows_loaded,"
        " sum(rows_repeated) AS rows_repeated, sum(rows_quarantined) AS rows_quarantined,"
        " sum(rows_standing) AS rows_standing"
        " FROM ops_load WHERE cycle = %s GROUP BY target ORDER BY target",
        (cycle,),
    )
    # A sum of BIGINT may arrive as a decimal.
    return [{name: value if name == "target" else int(value) for name, value in row.items()} for row in rows]


def runs(warehouse: Warehouse, cycle: date, *, without_run: str = "") -> list[Row]:
    """The runs of a night in their order; `seconds` is None while a run is running."""
    rows = warehouse.read(
        "SELECT run_id, job, state, exit_code, attempt, started_at, ended_at, rows_read, rows_loaded, rows_repeated,"
        " rows_quarantined, rows_standing, host, pid, error, hint FROM ops_job_run"
        " WHERE cycle = %s ORDER BY started_at, run_id",
        (cycle,),
    )
    for row in rows:
        ended = row["ended_at"]
        row["seconds"] = round((ended - row["started_at"]).total_seconds(), 3) if ended else None
    return [row for row in rows if row["run_id"] != without_run]


def quarantine(warehouse: Warehouse, cycle: date) -> list[Row]:
    """The rows put aside in a night that nobody has settled, by table, reason and column: how many, and where the first
    of them stand."""
    rows = warehouse.read(
        "SELECT target, reason, column_name, coordinates, accepted, rows_aside FROM ("
        "SELECT q.target AS target, q.reason AS reason, q.column_name AS column_name, q.coordinates AS coordinates,"
        " q.accepted AS accepted, count(*) OVER (PARTITION BY q.target, q.reason, q.column_name) AS rows_aside,"
        " row_number() OVER (PARTITION BY q.target, q.reason, q.column_name ORDER BY q.coordinates, q.row_id) AS place"
        " FROM ops_quarantine q JOIN ops_job_run r ON r.run_id = q.run_id WHERE r.cycle = %s"
        " AND q.state IN (%s, %s)) w"
        " WHERE place <= %s ORDER BY target, reason, column_name, place",
        (cycle, *OPEN, _SAMPLES),
    )
    found: dict[tuple[str, str, str], Row] = {}
    for row in rows:
        key = (row["target"], row["reason"], row["column_name"])
        group = found.setdefault(
            key,
            {
                "target": row["target"],
                "reason": row["reason"],
                "column_name": row["column_name"],
                "rows": int(row["rows_aside"]),
                "coordinates": [],
            },
        )
        group["coordinates"].append(row["coordinates"])
    return list(found.values())
