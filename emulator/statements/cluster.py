"""SHOW FRONTENDS, BACKENDS, COMPUTE NODES: one node, said to be the embedded server.

Columns: `fe/fe-core/src/main/java/com/starrocks/common/proc/FrontendsProcNode.java`, `BackendsProcDir.java`.
"""

import json
import shutil

from emulator.reader import Reader
from emulator.results import Result, rows
from emulator.session import Session
from emulator.statements.registry import statement
from emulator.system_tables import moment


@statement("SHOW FRONTENDS")
def show_frontends(session: Session, reader: Reader) -> Result:
    reader.end()
    server = session.server
    started = moment(server.started)
    names = [
        "Id",
        "Name",
        "IP",
        "EditLogPort",
        "HttpPort",
        "QueryPort",
        "RpcPort",
        "Role",
        "ClusterId",
        "Join",
        "Alive",
        "ReplayedJournalId",
        "LastHeartbeat",
        "IsHelper",
        "ErrMsg",
        "StartTime",
        "Version",
    ]
    row = [
        "1",
        "embedded",
        server.host,
        0,
        server.http_port,
        server.mysql_port,
        0,
        "LEADER",
        1,
        "true",
        "true",
        1,
        started,
        "true",
        "embedded server, not a cluster",
        started,
        server.version,
    ]
    return rows(names, [row])


@statement("SHOW BACKENDS")
def show_backends(session: Session, reader: Reader) -> Result:
    reader.end()
    server = session.server
    disk = shutil.disk_usage(server.engine.directory)
    started = moment(server.started)
    names = [
        "BackendId",
        "IP",
        "HeartbeatPort",
        "BePort",
        "HttpPort",
        "BrpcPort",
        "LastStartTime",
        "LastHeartbeat",
        "Alive",
        "SystemDecommissioned",
        "ClusterDecommissioned",
        "TabletNum",
        "DataUsedCapacity",
        "AvailCapacity",
        "TotalCapacity",
        "UsedPct",
        "MaxDiskUsedPct",
        "ErrMsg",
        "Version",
        "Status",
        "DataTotalCapacity",
        "DataUsedPct",
        "CpuCores",
        "MemLimit",
        "NumRunningQueries",
        "MemUsedPct",
        "CpuUsedPct",
        "DataCacheMetrics",
        "Location",
        "StatusCode",
    ]
    used = f"{100 * disk.used / disk.total:.2f} %"
    tables = len(server.engine.all("table"))
    row = [
        "10001",
        server.host,
        0,
        0,
        server.be_http_port,
        0,
        started,
        started,
        "true",
        "false",
        "false",
        tables,
        _size(server.engine.used_bytes()),
        _size(disk.free),
        _size(disk.total),
        used,
        used,
        "",
        server.version,
        json.dumps({"lastSuccessReportTabletsTime": str(started)}),
        _size(disk.total),
        used,
        1,
        "",
        0,
        "0.00 %",
        "0.0 %",
        "N/A",
        "",
        "OK",
    ]
    return rows(names, [row])


def _size(count: float) -> str:
    """Bytes as StarRocks prints them: `1.234 GB`."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024:
            return f"{count:.3f} {unit}"
        count /= 1024
    return f"{count:.3f} TB"


@statement("SHOW COMPUTE NODES")
def show_compute_nodes(_session: Session, reader: Reader) -> Result:
    """There are none in a shared-nothing cluster."""
    reader.end()
    return rows(
        [
            "ComputeNodeId",
            "IP",
            "HeartbeatPort",
            "BePort",
            "HttpPort",
            "BrpcPort",
            "LastStartTime",
            "LastHeartbeat",
            "Alive",
        ],
        [],
    )
