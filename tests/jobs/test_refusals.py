"""Bad input: one line that names it, its place and what is allowed; exit 2 or 78, and no traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator.server import Server
from lib import job_files
from tests.jobs.conftest import Completed
from tests.jobs.small_warehouse import UNSET, Night, told_lines
from tests.jobs.stalling import StallingWire
from tests.lib.scripted_starrocks import Listener, Play, http

# Writes down every attempt of the process to reach somebody; Python imports it at its start.
WITNESS = """\
import os, sys
def hook(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        with open(os.environ["WITNESS"], "a") as file:
            file.write(f"{event} {args}\\n")
sys.addaudithook(hook)
"""


def check_refused(done: Completed, exit_code: int, *told: str) -> None:
    """One line of error, maybe a hint, nothing else."""
    assert done.exit_code == exit_code, done.stderr
    assert "Traceback" not in done.stderr
    error, *hints = told_lines(done)
    assert all(text in error for text in told), error
    assert len(hints) <= 1 and all(hint.startswith("  hint: ") for hint in hints)


def test_an_unknown_job_is_named_with_what_there_is(night: Night) -> None:
    check_refused(night.run("load_fact"), 2, "./run load_fact: no such job; did you mean load_facts?", "verify")
    document = json.loads(night.run("load_fact", "--json").stdout)
    assert (document["job"], document["exit_code"]) == ("load_fact", 2)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--frob"], ["./run load_facts: --frob: no such option; allowed: --only, --since", "--no-notify"]),
        (["fact_first"], ["fact_first: no such option; allowed:"]),
        (["--for"], ["--for: no such option"]),
        (["--since", "yesterday"], ["argument --since: 'yesterday' is not an instant; expected YYYY-MM-DD"]),
        (["--since", "2026-11-02", "--until", "2026-11-01"], ["--since 2026-11-02", "no time lies between"]),
        (["--only"], ["argument --only: expected one argument"]),
    ],
)
def test_a_wrong_command_line_is_refused_before_anything_is_done(
    night: Night, arguments: list[str], told: list[str]
) -> None:
    check_refused(night.run("load_facts", *arguments), 2, *told)
    document = json.loads(night.run("load_facts", "--json", *arguments).stdout)
    assert (document["job"], document["state"], document["exit_code"]) == ("load_facts", "skipped", 2)
    assert told[0] in document["error"] and document["hint"] == "./run load_facts --help"
    assert night.runs() == []


def test_an_unknown_table_is_refused_and_what_was_done_before_still_counts(night: Night) -> None:
    assert night.load().exit_code == 0
    done = night.run("load_facts", "--force", "--only", "fact_frist")
    check_refused(done, 2, "--only fact_frist", "did you mean fact_first?", "allowed: fact_first, fact_second")
    assert [run["state"] for run in night.runs()] == ["done", "skipped"]
    assert night.run("refresh_views").exit_code == 0, "a slip of the pen does not stop the morning"


def test_a_wrong_header_is_named_with_file_and_line(night: Night, house: tuple[Server, Path], tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "wrong"
    shutil.copytree(house[1], folder)
    path = folder / "schema" / "fact_first.sql"
    path.write_text(path.read_text(encoding="utf-8").replace("-- key:", "-- kye:"), encoding="utf-8")
    done = night.run("load_facts", "--force", WAREHOUSE_DIR=str(folder))
    check_refused(done, 78, f"{path}:5: kye: 'sale_id': unknown key; did you mean `key`?", "allowed: check, ")


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"STARROCKS_PORT": "abc"}, ["STARROCKS_PORT='abc'"]),
        ({"STARROCKS_PORT": "70000"}, ["STARROCKS_PORT='70000'", "65535"]),
        ({"STARROCKS_DATABASE": "1dw"}, ["STARROCKS_DATABASE='1dw': expected a letter (or _ with a letter or digit)"]),
        ({"STARROCKS_DATABASE": "__"}, ["STARROCKS_DATABASE='__'", "letters, digits, _, - and $, at most 256 in all"]),
        ({"STARROCKS_STAGE_DATABASE": "größe"}, ["STARROCKS_STAGE_DATABASE='größe'", "letters, digits"]),
        ({"STARROCKS_STAGE_DATABASE": "a" * 257}, ["STARROCKS_STAGE_DATABASE='aaa", "at most 256 in all"]),
        ({"ENVIRONMENT": "prod"}, ["ENVIRONMENT='prod'"]),
        ({"STARROCKS_PASWORD": "canary-in-a-typo"}, ["STARROCKS_PASWORD", "did you mean STARROCKS_PASSWORD?"]),
        ({"STARROCKS_PASSWORD_FILE": "/no/such/file"}, ["STARROCKS_PASSWORD_FILE: cannot read /no/such/file"]),
        ({"NIGHTSHIFT_NOW": "noon"}, ["NIGHTSHIFT_NOW='noon'"]),
        ({"STARROCKS_HOST": UNSET}, ["STARROCKS_HOST is not set: Host of the StarRocks frontend"]),
        ({"ENVIRONMENT": "production"}, ["NIGHTSHIFT_NOW: not with ENVIRONMENT=production"]),
    ],
)
def test_a_wrong_setting_is_named_and_nobody_is_asked(
    night: Night, tmp_path: Path, env: dict[str, str], told: list[str]
) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITNESS, encoding="utf-8")
    seen = tmp_path / "seen"
    done = night.run("load_facts", "--force", PYTHONPATH=str(tmp_path), WITNESS=str(seen), **env)
    check_refused(done, 78, "load_facts: settings: ", *told)
    assert not seen.exists(), seen.read_text()
    assert "canary" not in done.stderr


def test_the_witness_sees_a_job_that_asks(night: Night, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITNESS, encoding="utf-8")
    night.run("status", PYTHONPATH=str(tmp_path), WITNESS=str(tmp_path / "seen"))
    assert "socket.connect" in (tmp_path / "seen").read_text()


def test_all_faults_of_the_settings_are_told_one_a_line(night: Night) -> None:
    env = {"STARROCKS_HOST": UNSET, "STARROCKS_PORT": "abc", "NOTIFY_CRITCAL": "x"}
    done = night.run("load_facts", "--json", **env)
    assert done.exit_code == 78
    first, *faults, hint = done.stderr.splitlines()
    assert first == "load_facts: settings: 3 faults"
    assert [line.split()[0].partition("=")[0] for line in faults] == [
        "NOTIFY_CRITCAL",
        "STARROCKS_HOST",
        "STARROCKS_PORT",
    ]
    assert hint == "  hint: see .env.example, then ./run doctor"
    assert done.document["error"].splitlines()[0] == "settings: 3 faults"
    assert (done.document["state"], done.document["exit_code"]) == ("failed", 78)


def test_wrong_settings_are_told_to_people_once(night: Night) -> None:
    hook = Listener(lambda _: Play(http("ok")))
    env = {"STARROCKS_PORT": "abc", "NOTIFY_CRITICAL": f"json://127.0.0.1:{hook.port}/a-key-that-nobody-may-see"}
    try:
        for job in ("load_facts", "refresh_views", "status", "load_facts"):
            assert night.run(job, **env).exit_code == 78
        assert night.run("load_facts", "--no-notify", **{**env, "STARROCKS_PORT": "0"}).exit_code == 78
        (message,) = [json.loads(request.body) for request in hook.requests]
    finally:
        hook.close()
    assert message["title"] == "load_facts did not start"
    assert message["message"].startswith("settings: STARROCKS_PORT='abc': ")
    assert "next: see .env.example, then ./run doctor" in message["message"]


def test_the_embedded_server_is_refused_in_production(night: Night) -> None:
    done = night.run("load_facts", "--force", ENVIRONMENT="production", NIGHTSHIFT_NOW=UNSET)
    check_refused(done, 78, "load_facts: 127.0.0.1:", "is the embedded server (4.1.", "and ENVIRONMENT is production")


def test_a_wrong_password_is_tried_once(night: Night) -> None:
    wire = StallingWire(night.server.mysql_port)
    done = night.run("load_facts", "--force", STARROCKS_PORT=str(wire.port), STARROCKS_PASSWORD="not-the-password")
    wire.die()
    check_refused(done, 78, f"StarRocks at 127.0.0.1:{wire.port}: login of root refused")
    assert "check STARROCKS_USER and STARROCKS_PASSWORD" in done.stderr
    assert wire.connections == 1
    assert "not-the-password" not in done.stderr + done.stdout


def test_a_state_directory_that_cannot_be_written_is_named(night: Night, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = night.run("load_facts", "--force", STATE_DIR=str(tmp_path / "file" / "state"))
    check_refused(done, 78, f"lock loads: {tmp_path}/file/state/locks/loads.lock: Not a directory")
    assert "set STATE_DIR to a local directory" in done.stderr


def test_every_job_says_what_it_takes_without_any_setting(night: Night) -> None:
    for job in job_files.read_all():
        done = night.run(job.name, "--help", STARROCKS_HOST=UNSET)
        assert (done.exit_code, done.stderr) == (0, ""), job.name
        assert job.purpose in done.stdout
        assert all(option in done.stdout for option in ("--dry-run", "--json", "--force", "--no-notify"))
