"""The server: version, clock, rights, backends, labels, databases."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from lib import catalog
from lib.errors import Misconfigured, Refused, Unavailable
from lib.probes import Doubt, Patient, _backends
from lib.settings import settings

NEEDS = ("login",)
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
# BEGIN WITH LABEL and SELECT between BEGIN and COMMIT came with it (fe-grammar/.../StarRocks.g4, beginStatement).
_OLDEST = (4, 1, 0)
_BAD = {(4, 1, 0): "4.1.0 has been withdrawn"}
_LONGEST_SKEW_SECONDS = 60
# A label that is forgotten while its load is still in doubt would let the load happen twice.
_SHORTEST_RETENTION_SECONDS = 24 * 3600


def version(patient: Patient) -> str:
    """StarRocks 4.1 or newer; the embedded server says that it is one."""
    text = str(patient.warehouse.value("SELECT current_version()"))
    found = _VERSION.match(text)
    if not found:
        raise Doubt(f"{text}: not a version that can be read", hint="Nightshift is made for StarRocks 4.1 and newer")
    number = (int(found[1]), int(found[2]), int(found[3]))
    if number < _OLDEST:
        raise Misconfigured(f"{text}: older than 4.1", hint="upgrade StarRocks")
    if number in _BAD:
        raise Misconfigured(f"{text}: {_BAD[number]}", hint="take the newest patch of 4.1")
    return f"{text}, the embedded server and not StarRocks" if text.endswith("-emulator") else text


def session_time_zone(patient: Patient) -> str:
    """Sessions of the jobs are in UTC."""
    zone = str(patient.warehouse.value("SELECT @@time_zone AS zone"))
    if zone.upper() not in ("UTC", "+00:00", "ETC/UTC"):
        raise Misconfigured(f"the session is in {zone}", hint="SET GLOBAL time_zone = 'UTC'")
    return zone


def server_clock(patient: Patient) -> str:
    """The clocks of the server and of this host agree."""
    before = datetime.now(UTC).replace(tzinfo=None)
    there = patient.warehouse.value("SELECT utc_timestamp() AS there")
    if not isinstance(there, datetime):
        raise Doubt(f"utc_timestamp() answers {there!r}", hint="SELECT utc_timestamp()")
    skew = (there - before).total_seconds()
    if abs(skew) > _LONGEST_SKEW_SECONDS:
        raise Doubt(f"the server is {skew:+.0f} s away from this host", hint="run a time service on both")
    return "agrees with this host"


def privileges(patient: Patient) -> str:
    """The user may see its own grants."""
    grants = patient.warehouse.read("SHOW GRANTS")
    if not grants:
        raise Doubt(f"{settings().starrocks_user} has no grants", hint="see docs/privileges.md for those that it needs")
    return f"{len(grants)} grants"


def backends(patient: Patient) -> str:
    """At least one backend is alive (columns: fe/.../common/proc/BackendsProcDir.java)."""
    rows = _backends.shown(patient)
    dead = [row for row in rows if str(row["Alive"]).lower() != "true"]
    if len(dead) == len(rows):
        raise Unavailable(f"none of {len(rows)} backends is alive", hint="SHOW BACKENDS; start the backends")
    if dead:
        told = ", ".join(f"{row['IP']}: {row['ErrMsg']}" for row in dead)
        raise Doubt(f"{len(dead)} of {len(rows)} backends are dead: {told}", hint="SHOW BACKENDS")
    return f"{len(rows)} alive"


def label_retention(patient: Patient) -> str:
    """How long StarRocks remembers the labels of loads."""
    try:
        rows = patient.warehouse.read("ADMIN SHOW FRONTEND CONFIG LIKE 'label_keep_max_second'")
    except (Refused, Misconfigured) as error:
        raise Doubt(f"cannot be seen: {error.message}", hint="needs the privilege OPERATE ON SYSTEM") from None
    seconds = int(rows[0]["Value"]) if rows else 0
    if seconds < _SHORTEST_RETENTION_SECONDS:
        raise Doubt(f"{seconds} s", hint="label_keep_max_second in fe.conf should be a day at least")
    return f"{seconds / 3600:.0f} h"


def databases(patient: Patient) -> str:
    """The database of the warehouse and that of the stage tables exist."""
    names = {str(next(iter(row.values()))) for row in patient.warehouse.read("SHOW DATABASES")}
    wanted = (patient.warehouse.database, patient.warehouse.stage_database)
    missing = [name for name in wanted if name not in names]
    if missing:
        raise Misconfigured(f"missing: {', '.join(missing)}", hint="./run migrate")
    return ", ".join(wanted)


def tables(patient: Patient) -> str:
    """Every table of schema/ exists, those of the ledger among them."""
    rows = patient.warehouse.read(
        "SELECT TABLE_NAME AS name FROM information_schema.tables WHERE TABLE_SCHEMA = %s",
        (patient.warehouse.database,),
    )
    missing = sorted(set(catalog.tables()) - {row["name"] for row in rows})
    if missing:
        raise Misconfigured(f"missing: {', '.join(missing)}", hint="./run migrate")
    return f"all {len(catalog.tables())}"
