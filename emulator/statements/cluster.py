"""SHOW FRONTENDS, BACKENDS, COMPUTE NODES: one node, said to be the embedded server.

Columns: `fe/fe-core/src/main/java/com/starrocks/common/proc/FrontendsProcNode.java`, `BackendsProcDir.java`.

Differs: there is one node of each kind, alive, whose version says that it is embedded.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from emulator.information_schema.registry import moment
from emulator.results import Result, rows
from emulator.sql.reader import Reader
from emulator.statements.registry import statement

if TYPE_CHECKING:
    from emulator.session import Session


@statement("SHOW FRONTENDS")
def show_frontends(session: Session, reader: Reader) -> Result:
    reader.end()
    server = session.server
    started = moment(server.started)
    row = {
        "Id": "1",
        "Name": "embedded",
        "IP": server.host,
        "EditLogPort": 0,
        "HttpPort": server.http_port,
        "QueryPort": server.mysql_port,
        "RpcPort": 0,
        "Role": "LEADER",
        "ClusterId": 1,
        "Join": "true",
        "Alive": "true",
        "ReplayedJournalId": 1,
        "LastHeartbeat": started,
        "IsHelper": "true",
        "ErrMsg": "embedded server, not a cluster",
        "StartTime": started,
        "Version": server.version,
    }
    return rows(list(row), [list(row.values())])


@statement("SHOW BACKENDS")
def show_backends(session: Session, reader: Reader) -> Result:
    reader.end()
    server = session.server
    disk = shutil.disk_usage(server.engine.directory)
    started = moment(server.started)
    used = f"{100 * disk.used / disk.total:.2f} %"
    tables = len(server.engine.all("table"))
    row = {
        "BackendId": "10001",
        "IP": server.host,
        "HeartbeatPort": 0,
        "BePort": 0,
        "HttpPort": server.be_http_port,
        "BrpcPort": 0,
        "LastStartTime": started,
        "LastHeartbeat": started,
        "Alive": "false" if server.faults.backend_gone else "true",
        "SystemDecommissioned": "false",
        "ClusterDecommissioned": "false",
        "TabletNum": tables,
        "DataUsedCapacity": _size(server.engine.used_bytes()),
        "AvailCapacity": _size(disk.free),
        "TotalCapacity": _size(disk.total),
        "UsedPct": used,
        "MaxDiskUsedPct": used,
        "ErrMsg": "",
        "Version": server.version,
        "Status": json.dumps({"lastSuccessReportTabletsTime": str(started)}),
        "DataTotalCapacity": _size(disk.total),
        "DataUsedPct": used,
        "CpuCores": 1,
        "MemLimit": "",
        "NumRunningQueries": 0,
        "MemUsedPct": "0.00 %",
        "CpuUsedPct": "0.0 %",
        "DataCacheMetrics": "N/A",
        "Location": "",
        "StatusCode": "OK",
    }
    return rows(list(row), [list(row.values())])


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
