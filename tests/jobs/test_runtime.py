"""What a job does when the world goes wrong around it: servers that are down or die, signals, kills, full disks."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.conftest import Completed, Started
from tests.jobs.small_warehouse import (
    LONGEST_SECONDS,
    REPOSITORY,
    Night,
    log_lines,
    nobody,
    told_lines,
)
from tests.jobs.stalling import StallingWire
from tests.lib.scripted_starrocks import Listener, Play, Request, answer, http


def stopped_at(night: Night, marker: str, number: signal.Signals) -> Completed:
    """load_facts, sent a signal while the server has not answered the statement with `marker` in it."""
    wire = StallingWire(night.server.mysql_port, marker)
    job = night.start("load_facts", "--force", "--json", STARROCKS_PORT=str(wire.port))
    assert wire.reached.wait(LONGEST_SECONDS)
    job.process.send_signal(number)
    done = job.end()
    wire.die()
    return done


def wait_for_run(night: Night, job: Started, state: str) -> dict[str, Any]:
    """The ledger's row of a job that is going on."""
    while True:
        assert job.process.poll() is None
        for run in night.runs():
            if run["state"] == state:
                return run
        time.sleep(0.02)


def stage_tables(night: Night) -> list[dict[str, Any]]:
    """What is left in the stage database."""
    return night.sql("SHOW TABLES FROM dw_stage")


def test_a_server_that_is_down_is_told_once(night: Night) -> None:
    port = nobody()
    done = night.run("load_facts", "--force", STARROCKS_PORT=port)
    assert done.exit_code == 69
    error, hint = told_lines(done)
    assert error.startswith(f"load_facts: StarRocks at 127.0.0.1:{port}: no answer: ") and "refused" in error
    assert hint == "  hint: is it up? ./run doctor"
    assert [line["attempt"] for line in log_lines(done) if line["event"] == "retried"] == [1, 2]
    assert "Traceback" not in done.stderr


def test_a_server_that_dies_in_the_middle(night: Night) -> None:
    night.drop("fact_first", f"{night.row()},1")
    wire = StallingWire(night.server.mysql_port, "COMMIT")
    job = night.start("load_facts", "--force", "--json", STARROCKS_PORT=str(wire.port))
    assert wire.reached.wait(LONGEST_SECONDS)
    wire.die()
    done = job.end()
    assert (done.exit_code, done.document["state"]) == (69, "failed")
    assert [(step["step"], step["state"]) for step in done.document["steps"]] == [
        ("fact_first", "failed"),
        ("fact_second", "skipped"),
    ]
    assert done.step("fact_second")["error"] == "StarRocks did not answer"
    assert "no answer" in done.error or "the connection was lost" in done.error
    (left,) = night.runs()
    assert left["state"] == "running", "the ledger could not be reached"
    again = night.load()
    assert again.exit_code == 0
    assert [run["state"] for run in night.runs()] == ["crashed", "done"]
    assert len(night.sql("SELECT * FROM ops_load WHERE run_id = %s", (again.document["run_id"],))) == 1
    assert stage_tables(night) == []


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_in_the_middle_of_a_transaction(night: Night, number: signal.Signals, exit_code: int) -> None:
    sale = night.row()
    night.drop("fact_first", f"{sale},1")
    done = stopped_at(night, "COMMIT", number)
    assert (done.exit_code, done.document["state"]) == (exit_code, "interrupted")
    assert "Traceback" not in done.stderr
    (run,) = night.runs()
    assert (run["state"], run["exit_code"]) == ("interrupted", exit_code)
    assert run["error"].startswith("stopped by ") and run["ended_at"] is not None
    (step,) = night.sql("SELECT step, state FROM ops_job_step WHERE run_id = %s", (run["run_id"],))
    assert step == {"step": "fact_first", "state": "interrupted"}
    assert night.sql("SELECT * FROM fact_first WHERE sale_id = %s", (sale,)) == []
    assert stage_tables(night) == []
    assert list((Path(night.environment["STATE_DIR"]) / "spool").iterdir()) == []
    assert night.load().exit_code == 0, "its lock is free"
    assert len(night.sql("SELECT * FROM fact_first WHERE sale_id = %s", (sale,))) == 1


def test_a_signal_while_a_job_waits_for_its_first_answer(night: Night) -> None:
    done = stopped_at(night, "FROM ops_job_run", signal.SIGTERM)
    assert (done.exit_code, done.document["state"]) == (143, "interrupted")
    assert night.runs() == [], "it had not begun"


def test_signals_that_do_not_stop_coming(night: Night) -> None:
    night.drop("fact_first", f"{night.row()},1")
    wire = StallingWire(night.server.mysql_port, "COMMIT")
    job = night.start("load_facts", "--force", "--json", STARROCKS_PORT=str(wire.port))
    assert wire.reached.wait(LONGEST_SECONDS)
    while job.process.poll() is None:
        job.process.send_signal(signal.SIGTERM)
        job.process.send_signal(signal.SIGINT)
        time.sleep(0.005)
    done = job.end()
    wire.die()
    # The last one may meet an interpreter that has put its handlers away; a shell says 143 and 130 of that as well.
    assert done.exit_code in (130, 143, -signal.SIGINT, -signal.SIGTERM)
    assert "Traceback" not in done.stderr
    assert [run["state"] for run in night.runs()] == ["interrupted"]


def test_a_killed_job_is_marked_and_told_of_once(night: Night) -> None:
    hook = Listener(lambda _: Play(http("ok")))
    env = {"NOTIFY_CRITICAL": f"json://127.0.0.1:{hook.port}"}
    sale = night.row()
    night.drop("fact_first", f"{sale},1")
    night.server.faults.publish_delay = 3.0
    try:
        job = night.start("load_facts", "--force", **env)
        dead = wait_for_run(night, job, "running")
        job.process.kill()
        job.process.communicate()
        night.server.faults.publish_delay = 0.0
        assert night.load(**env).exit_code == 0
        assert night.load(**env).exit_code == 0
        messages = [json.loads(request.body) for request in hook.requests]
    finally:
        night.server.faults.publish_delay = 0.0
        hook.close()
    assert [message["title"] for message in messages] == [
        f"load_facts crashed: run {dead['run_id']} (pid {job.process.pid} on {dead['host']}) died without a word"
    ]
    crashed, *later = night.runs()
    assert (crashed["run_id"], crashed["state"]) == (dead["run_id"], "crashed")
    assert crashed["error"] == f"process {job.process.pid} on {dead['host']} died without a word"
    assert [(run["state"], run["attempt"]) for run in later] == [("done", 2), ("done", 3)]
    assert len(night.sql("SELECT * FROM fact_first WHERE sale_id = %s", (sale,))) == 1
    assert stage_tables(night) == []


def test_the_ledger_tells_everything_of_a_run(night: Night) -> None:
    first, bad = night.row(), night.row()
    night.drop("fact_first", f"{first},1", f"{bad},many")
    night.drop("fact_second", f"{first},1")
    done = night.load("--no-notify")
    assert (done.exit_code, done.document["state"]) == (3, "partial")
    (run,) = night.runs()
    rows = {name: run[f"rows_{name}"] for name in ("read", "loaded", "repeated", "quarantined", "standing")}
    assert rows == {"read": 3, "loaded": 2, "repeated": 0, "quarantined": 1, "standing": 0} == done.document["rows"]
    assert (run["state"], run["exit_code"], run["attempt"]) == ("partial", 3, 1)
    assert (run["arguments"], run["host"]) == ("--force --json --no-notify", socket.gethostname())
    assert run["started_at"] < run["ended_at"]
    assert run["revision"] == _revision()
    assert run["hint"] == "./run quarantine --only fact_first --show 20"
    assert [
        row["coordinates"] for row in night.sql("SELECT * FROM ops_quarantine WHERE run_id = %s", (run["run_id"],))
    ] == ["fact_first/0.csv:3"]
    steps = night.sql("SELECT * FROM ops_job_step WHERE run_id = %s ORDER BY step", (run["run_id"],))
    assert [(step["step"], step["state"], step["rows_loaded"], step["rows_quarantined"]) for step in steps] == [
        ("fact_first", "partial", 1, 1),
        ("fact_second", "done", 1, 0),
    ]
    assert all(step["seconds"] > 0 and step["attempt"] == 1 for step in steps)


def _revision() -> str:
    shown = subprocess.run(["git", "rev-parse", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return shown.stdout.strip()


def test_a_table_that_fails_does_not_stop_the_others(night: Night) -> None:
    sale = night.row()
    night.drop("fact_first", f"{sale},x", f"{sale},y")
    night.drop("fact_second", f"{sale},1")
    done = night.load()
    assert (done.exit_code, done.document["state"]) == (1, "partial"), "refused data is no matter of quarantine alone"
    assert [step["state"] for step in done.document["steps"]] == ["failed", "done"]
    assert done.step("fact_first")["rows"] == {"read": 2, "loaded": 0, "repeated": 0, "quarantined": 2, "standing": 0}
    assert done.error.startswith("fact_first: 2 of 2 rows do not fit")
    assert len(night.sql("SELECT * FROM fact_second WHERE sale_id = %s", (sale,))) == 1
    assert night.run("refresh_views").exit_code == 0, "the night goes on with what is there"
    night.drop("fact_second", f"{sale},z", f"{sale},z")
    failed = night.load()
    assert (failed.exit_code, failed.document["state"]) == (1, "failed")
    assert [run["state"] for run in night.runs()] == ["partial", "failed"]


def test_a_transient_error_is_tried_again(night: Night) -> None:
    sale = night.row()
    night.drop("fact_first", f"{sale},1")
    answers = [answer("Fail", "too many versions")]

    def frontend_says(request: Request) -> Play:
        if request.method == "GET":
            return Play(http('{"state": "UNKNOWN", "status": "OK", "msg": "Success"}'))
        backend = f"http://127.0.0.1:{night.server.be_http_port}{request.path}"
        return Play(answers.pop() if answers else http("", 307, Location=backend))

    frontend = Listener(frontend_says)
    done = night.load(STARROCKS_HTTP_PORT=str(frontend.port))
    frontend.close()
    assert done.exit_code == 0, done.error
    assert done.step("fact_first")["attempt"] == 2
    retried = [line for line in log_lines(done) if line["event"] == "step_retried"]
    assert [(line["step"], line["attempt"]) for line in retried] == [("fact_first", 1)]
    (step,) = night.sql(
        "SELECT attempt FROM ops_job_step WHERE run_id = %s AND step = 'fact_first'", (done.document["run_id"],)
    )
    assert step["attempt"] == 2
    assert len(night.sql("SELECT * FROM fact_first WHERE sale_id = %s", (sale,))) == 1


def test_json_is_all_there_is_on_standard_output(night: Night) -> None:
    for words, code in ((["--force"], 0), ([], 75), (["--force", "--only", "x"], 2), (["--force", "--dry-run"], 0)):
        done = night.run("load_facts", "--json", *words)
        assert done.exit_code == code == json.loads(done.stdout)["exit_code"]
    words = night.run("load_facts", "--force").stdout.splitlines()
    assert [line.split()[:2] for line in words[:2]] == [["fact_first", "ok"], ["fact_second", "ok"]]
    assert words[2].startswith("load_facts: ok, nothing new, ") and words[2].endswith(
        f"run {night.runs()[-1]['run_id']}"
    )


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_full_disk_under_a_stream_ends_no_job(night: Night, stream: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    sale = night.row()
    night.drop("fact_first", f"{sale},1")
    env = {**night.environment, "NIGHTSHIFT_NOW": f"{night.cycle}T20:00:00"}
    with Path("/dev/full").open("w") as full:
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: full}
        done = subprocess.run([REPOSITORY / "run", "load_facts", "--force"], env=env, text=True, check=False, **streams)
        looked = subprocess.run([REPOSITORY / "run", "status"], env=env, text=True, check=False, **streams)
    assert done.returncode == 0
    assert len(night.sql("SELECT * FROM fact_first WHERE sale_id = %s", (sale,))) == 1
    assert looked.returncode == (1 if stream == "stdout" else 0), (
        "a job that only looks has done nothing when nobody sees"
    )
    if stream == "stdout":
        assert "standard output is lost: No space left on device" in done.stderr
        assert "Traceback" not in done.stderr + looked.stderr


def test_a_reader_that_goes_away_ends_no_job(night: Night) -> None:
    sale = night.row()
    night.drop("fact_second", f"{sale},1")
    job = night.start("load_facts", "--force")
    assert job.process.stdout is not None
    job.process.stdout.close()
    assert job.process.wait(LONGEST_SECONDS) == 0
    assert len(night.sql("SELECT * FROM fact_second WHERE sale_id = %s", (sale,))) == 1


def test_a_disk_that_is_full_is_no_bug(night: Night) -> None:
    night.drop("fact_first", *(f"{night.row()},1" for _ in range(2000)))
    now = {"NIGHTSHIFT_NOW": f"{night.cycle}T20:00:00"}
    # No file of more than 1 KiB: the spool of the load does not fit.
    shell = ["sh", "-c", 'ulimit -f 2; exec "$0" load_facts --force --json', str(REPOSITORY / "run")]
    done = subprocess.run(shell, env={**night.environment, **now}, capture_output=True, text=True, check=False)
    document = json.loads(done.stdout)
    assert (document["steps"][0]["state"], document["steps"][1]["state"]) == ("failed", "done")
    assert "File too large" in document["error"]
    assert document["hint"] == "see the limit of file sizes: ulimit -f, then run the job again"
    assert "Traceback" not in done.stderr
