"""Every test starts from an environment of its own: no setting of the host, no .env, one fake host name."""

from __future__ import annotations

import os

import hypothesis
import pytest
from hypothesis import HealthCheck

from lib import settings_reading
from lib.settings import CONNECTION, PREFIXES, settings

# Tests never assert times, and how long values take to be made says how busy the machine is.
hypothesis.settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis.settings.load_profile("house")


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in list(os.environ):
        if name.startswith((*PREFIXES, CONNECTION)) and name != "STARROCKS_TEST_URL":
            monkeypatch.delenv(name)
    monkeypatch.setattr(settings_reading, "DOTENV", tmp_path_factory.getbasetemp() / "no.env")
    monkeypatch.setenv("STARROCKS_HOST", "127.0.0.1")
    settings.cache_clear()
    yield
    settings.cache_clear()
