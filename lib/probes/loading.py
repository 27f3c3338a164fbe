"""Stream Load: where the frontend would send us, and one row there and back."""

from __future__ import annotations

from lib.errors import Misconfigured
from lib.probes import Patient, _backends, _port
from lib.settings import settings
from lib.stream_load.load import Body, Request, StreamLoad
from lib.warehouse import quote

NEEDS = ("login", "http_port", "databases")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def redirect_target(patient: Patient) -> str:
    """The frontend redirects loads to a backend by the name under which it is registered: this host must know it."""
    found = []
    for row in _backends.shown(patient):
        host, port = str(row["IP"]), int(row["HttpPort"])
        target = settings().starrocks_host_map.get(host, host)
        if target in _LOOPBACK and settings().starrocks_host not in _LOOPBACK:
            raise Misconfigured(
                f"a backend is registered as {host}, which is this very host from here",
                hint=f"STARROCKS_HOST_MAP={host}=<its real address>, or register backends by name (FQDN mode)",
            )
        hint = f"STARROCKS_HOST_MAP={host}=<address reachable from here>"
        _port.answers(target, port, what=f"backend {host}", hint=hint)
        found.append(f"{host}:{port}" if target == host else f"{host}:{port} at {target}")
    return ", ".join(found)


def stream_load(patient: Patient) -> str:
    """A row goes into a scratch table of the stage database and is counted there."""
    if patient.dry_run:
        return "not tried: a dry run writes nothing"
    warehouse = patient.warehouse
    # The name of a stage table, so that the next load sweeps it when doctor is killed here.
    name = f"s_doctor__{patient.run_id.replace('-', '_')}_0"
    table = quote(warehouse.stage_database, name)
    warehouse.write(f"CREATE TABLE {table} (n BIGINT NOT NULL) DUPLICATE KEY (n) DISTRIBUTED BY HASH (n) BUCKETS 1")
    try:
        body = Body(lambda: iter((b"7\x02",)), 2)
        StreamLoad.connect().load(Request(warehouse.stage_database, name, f"ns_{name}", "n", body, 1))
        found = warehouse.value(f"SELECT sum(n) AS total FROM {table}")
    finally:
        warehouse.write(f"DROP TABLE IF EXISTS {table} FORCE")
    if int(found or 0) != 7:
        raise Misconfigured(f"sent 7, read back {found}", hint="is this the cluster whose HTTP port was given?")
    return "one row there and back"
