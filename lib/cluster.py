"""The hosts of the cluster: where a frontend may send a load, and a client its password."""

from __future__ import annotations

from lib import log
from lib.errors import Told
from lib.warehouse import Warehouse


def hosts(warehouse: Warehouse) -> set[str]:
    """The hosts of all frontends and backends, as they are registered.

    SHOW BACKENDS needs the privilege OPERATE or NODE on the system; without it nothing is known here, and the setting
    STARROCKS_HOST_MAP has to name the backends.
    """
    found: set[str] = set()
    for statement in ("SHOW BACKENDS", "SHOW FRONTENDS"):
        try:
            found |= {str(row["IP"]) for row in warehouse.read(statement)}
        except Told as error:
            log.info("cluster_hosts_unknown", statement=statement, why=error.message)
    return found
