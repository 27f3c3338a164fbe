"""What one Stream Load is about: rows for a table under a label, and the headers that say so.

Labels, and which headers there are: fe/fe-core/src/main/java/com/starrocks/http/rest/LoadAction.java and
docs/en/sql-reference/sql-statements/loading_unloading/STREAM_LOAD.md of StarRocks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from lib.stream_load.body import Body

LABEL = re.compile(r"[-\w]{1,128}", re.ASCII)
# Sent with every load. Without them a value that does not fit becomes NULL in silence, and now() is in
# Shanghai.
ALWAYS = {"Expect": "100-continue", "strict_mode": "true", "max_filter_ratio": "0", "timezone": "UTC"}
# What our writers produce: no value of text holds these two, so that nothing needs quoting.
CSV = {"format": "csv", "column_separator": "\\x01", "row_delimiter": "\\x02"}
# An option must not take back what a caller relies on; merge commit ignores the label.
FIXED = {
    *(name.lower() for name in ALWAYS),
    "label",
    "columns",
    "timeout",
    "authorization",
    "enable_merge_commit",
}


@dataclass(frozen=True)
class Request:
    """One body for one table under one label.

    `columns`: the header of that name; `rows`: how many the body holds, None when nobody knows; `timeout`: seconds,
    None for those of the settings; `options`: further headers.
    """

    database: str
    table: str
    label: str
    columns: str
    body: Body
    rows: int | None = None
    timeout: float | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Where it is put, at the frontend and at a backend alike."""
        return f"/api/{quote(self.database, safe='')}/{quote(self.table, safe='')}/_stream_load"

    @property
    def attributes(self) -> dict[str, str]:
        """What its span says of it, by the names of OpenTelemetry."""
        names = {"db.system.name": "starrocks", "db.system": "starrocks", "db.operation.name": "STREAM LOAD"}
        return {**names, "db.namespace": self.database, "db.collection.name": self.table}

    def headers(self, seconds: float) -> dict[str, str]:
        """Its headers, with a timeout of so many seconds. Raises `ValueError` for one that HTTP cannot carry."""
        if not LABEL.fullmatch(self.label):
            raise ValueError(f"label {self.label!r}: 1 to 128 letters, digits, - or _")
        taken = sorted(name for name in self.options if name.lower() in FIXED)
        if taken:
            raise ValueError(f"Stream Load options {', '.join(taken)}: not to be changed")
        limit = str(max(1, math.ceil(seconds)))
        headers = {**CSV, **self.options, **ALWAYS, "label": self.label, "timeout": limit}
        if self.columns:
            headers["columns"] = self.columns
        for name, value in headers.items():
            if not (name + value).isascii() or not (name + value).isprintable():
                raise ValueError(f"Stream Load header {name}: {value!r} has a line break or a letter beyond ASCII")
        return headers
