"""The programmes of tests/clients can be read by their harness; they run by `make test-all`, which installs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.harness import scripts


def test_every_client_says_what_it_needs() -> None:
    found = scripts.find([])
    assert {script.name for script in found} >= {"curl", "dbt-starrocks", "mariadb", "pymysql", "sling", "starrocks-br"}
    assert all(script.package or script.programs for script in found)


def test_a_client_without_pins_is_refused(tmp_path: Path) -> None:
    loose = tmp_path / "loose.py"
    loose.write_text('# /// script\n# dependencies = ["pymysql"]\n# [tool.client]\n# runs = "x"\n# ///\n')
    with pytest.raises(ValueError, match=r"loose\.py: not pinned to a version: pymysql"):
        scripts.read(loose)
    bare = tmp_path / "bare.py"
    bare.write_text("print()\n")
    with pytest.raises(ValueError, match=r"bare\.py: no `# /// script` block"):
        scripts.read(bare)


def test_what_a_programme_said_is_read() -> None:
    outcome = scripts.Outcome()
    scripts.note(outcome, "ok - one")
    scripts.note(outcome, "noise")
    scripts.note(outcome, "not ok - two # line 3: why")
    scripts.note(outcome, "ok - three # SKIP refused by name")
    assert (outcome.passed, outcome.failed, outcome.refused) == (
        ["one"],
        {"two": "line 3: why"},
        {"three": "refused by name"},
    )
