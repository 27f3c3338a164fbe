"""`reference-data/<stem>.csv`: a checked-in list, loaded whole when its content has changed."""

from __future__ import annotations

from collections.abc import Iterator

from lib.catalog import TableFile
from lib.errors import Misconfigured
from lib.reading import Known, Part, Window
from lib.settings import settings
from lib.sources import files


def parts(table: TableFile, known: Known, window: Window) -> Iterator[Part]:
    """The list as one part. Raises `Misconfigured` when the file is not there."""
    assert table.source is not None
    path = settings().warehouse_dir / table.source.what
    if not path.is_file():
        raise Misconfigured(f"{table.source.line.path}:{table.source.line.number}: {path} does not exist")
    part = files.part(path, table.source.what, table)
    if part and (part.content not in known.contents or window.rewrite):
        yield part
