"""Every function that the server does, and every name that StarRocks knows.

A name that StarRocks knows and we do not do is refused with 1235; any other with "No matching function".
Names: `gensrc/script/functions.py` and `fe/fe-core/src/main/java/com/starrocks/catalog/FunctionSet.java`.
"""

from emulator.functions.aggregates import AGGREGATE_FUNCTIONS
from emulator.functions.arrays import ARRAYS
from emulator.functions.dates import DATES
from emulator.functions.documents import DOCUMENTS
from emulator.functions.known import KNOWN
from emulator.functions.numbers import NUMBERS
from emulator.functions.spec import F
from emulator.functions.texts import TEXTS
from emulator.functions.waiting import WAITING
from emulator.functions.webs import WEBS
from emulator.functions.weeks import WEEKS

FUNCTIONS: dict[str, F] = {
    **DATES, **TEXTS, **NUMBERS, **DOCUMENTS, **ARRAYS, **AGGREGATE_FUNCTIONS, **WEBS, **WEEKS, **WAITING,
}  # fmt: skip


def is_known(name: str) -> bool:
    """True for the name of a StarRocks function, done here or not."""
    return name in FUNCTIONS or name in KNOWN
