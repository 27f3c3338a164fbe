"""House tests read the repository's own warehouse, whatever the settings of the person who runs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lib import catalog
from lib.settings import names, settings


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Only defaults, and a host that no house test talks to."""
    for name in names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STARROCKS_HOST", "nowhere.invalid")
    monkeypatch.setattr("lib.settings_reading.DOTENV", tmp_path / "no.env")
    settings.cache_clear()
    catalog.tables.cache_clear()
    yield
    settings.cache_clear()
    catalog.tables.cache_clear()
