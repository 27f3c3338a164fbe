"""sleep(seconds): waits, and is true; NULL for NULL (be/src/exprs/utility_functions.cpp).

Differs: a constant sleep is waited for once a query, whatever the number of rows, and KILL QUERY ends it only after it.
"""

from emulator.functions.spec import F
from emulator.types.coercion import BOOLEAN

WAITING = {"sleep": F("i", BOOLEAN, "sr_sleep")}
