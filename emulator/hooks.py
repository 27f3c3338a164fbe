"""Who wants to know that a table has changed or gone: materialized views become inactive, jobs stop.

A module that wants to know: `@on_table_change` on `def f(server, unit, db, name, reason)`, called inside the unit of
work that drops, renames, swaps or alters a table or a view, with StarRocks' reason text.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.server import Server
    from emulator.storage.engine import Unit

Listener = Callable[["Server", "Unit", str, str, str], None]
_LISTENERS: list[Listener] = []


def on_table_change(listener: Listener) -> Listener:
    """Declare a function that is told of every change (see the module)."""
    _LISTENERS.append(listener)
    return listener


def table_changed(server: "Server", unit: "Unit", db: str, name: str, reason: str) -> None:
    """Tell everybody."""
    for listener in _LISTENERS:
        listener(server, unit, db, name, reason)
