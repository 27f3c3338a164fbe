"""The backends, for those who may see them."""

from __future__ import annotations

from lib.errors import Misconfigured, Refused
from lib.probes import Doubt, Patient
from lib.warehouse import Row


def shown(patient: Patient) -> list[Row]:
    """The rows of SHOW BACKENDS; raises `Doubt` when the account may not see them, which a load does without."""
    try:
        return patient.warehouse.read("SHOW BACKENDS")
    except (Refused, Misconfigured) as error:
        raise Doubt(
            f"cannot be seen: {error.message}",
            hint="needs NODE or OPERATE ON SYSTEM; without, STARROCKS_HOST_MAP has to name the backends",
        ) from None
