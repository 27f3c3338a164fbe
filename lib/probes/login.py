"""The login at StarRocks."""

from __future__ import annotations

from lib.probes import Patient
from lib.settings import settings

NEEDS = ("mysql_port",)


def login(patient: Patient) -> str:
    """StarRocks lets the user in and answers."""
    patient.warehouse.value("SELECT 1")
    return settings().starrocks_user
