"""A server for a file's tests; a file that needs another one (with faults, with a delay) has a `server` of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(data=Path(tmp_path_factory.mktemp("data")), async_delay_ms=0) as running:
        yield running
