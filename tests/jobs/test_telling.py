"""Who hears of a run: notifications by severity, spans in one trace, and no secret in any of it."""

from __future__ import annotations

import os
import socket
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.people import everybody, messages
from tests.jobs.small_warehouse import Night, log_lines, nobody
from tests.lib.otlp_sink import Sink, attributes, receiving
from tests.lib.scripted_starrocks import Listener, Play, http

CANARY = "canary4711"


def test_a_run_that_is_done_tells_nobody(night: Night, hook: Listener) -> None:
    assert night.load(**everybody(hook)).exit_code == 0
    assert messages(hook) == []


def test_quarantine_is_a_warning_that_names_the_table(night: Night, hook: Listener) -> None:
    night.drop("fact_first", f"{night.row()},1", f"{night.row()},many")
    done = night.load(**everybody(hook))
    run = done.document["run_id"]
    assert messages(hook) == [
        (
            "/WARNING",
            f"load_facts partial: night of {night.cycle}",
            "fact_first partial: 1 loaded, 1 in quarantine\n"
            "next: ./run quarantine --only fact_first --show 20\n"
            f"run {run}, exit 3",
        )
    ]


def test_a_row_that_waits_in_quarantine_is_told_of_once(night: Night, hook: Listener) -> None:
    night.drop("fact_first", f"{night.row()},1", f"{night.row()},many")
    assert night.load(**everybody(hook)).exit_code == 3
    again = night.run("load_facts", "--force", "--since", "2026-01-01", "--rewrite", **everybody(hook))
    assert (again.exit_code, "1 known, 1 in quarantine as before" in again.stdout) == (0, True), again.stdout
    assert len(messages(hook)) == 1
    (line,) = (line for line in night.run("status").stdout.splitlines() if line.startswith("load_facts"))
    assert "0 (1 in quarantine as before)" in line


def test_a_table_that_failed_is_named_with_its_error(night: Night, hook: Listener) -> None:
    night.drop("fact_first", f"{night.row()},x", f"{night.row()},y")
    night.drop("fact_second", f"{night.row()},x", f"{night.row()},y")
    done = night.load(**everybody(hook))
    assert done.exit_code == 1
    ((path, title, text),) = messages(hook)
    assert (path, title) == ("/CRITICAL", f"load_facts failed: night of {night.cycle}")
    first, second, hint, end = text.splitlines()
    assert first.startswith("fact_first: 2 of 2 rows do not fit")
    assert second.startswith("fact_second failed: 2 in quarantine; 2 of 2 rows do not fit")
    assert hint.startswith("next: ") and "quarantine" in hint
    assert end == f"run {done.document['run_id']}, exit 1"


def test_a_table_that_is_refused_is_critical_beside_one_that_is_loaded(night: Night, hook: Listener) -> None:
    night.drop("fact_first", f"{night.row()},x", f"{night.row()},y")
    night.drop("fact_second", f"{night.row()},1")
    assert night.load(**everybody(hook)).exit_code == 1
    ((path, title, text),) = messages(hook)
    assert (path, title) == ("/CRITICAL", f"load_facts partial: night of {night.cycle}")
    assert text.startswith("fact_first: 2 of 2 rows do not fit")


def test_nobody_is_told_when_nobody_wants_to_be(night: Night, hook: Listener) -> None:
    night.drop("fact_first", f"{night.row()},x", f"{night.row()},y")
    assert night.load("--no-notify", "--only", "fact_first", **everybody(hook)).exit_code == 1
    assert night.run("load_facts", "--only", "nothing", "--force", **everybody(hook)).exit_code == 2
    assert night.run("status", STARROCKS_PORT=nobody(), **everybody(hook)).exit_code == 69
    assert messages(hook) == []


def test_one_cause_for_many_jobs_is_told_once(night: Night, hook: Listener) -> None:
    env = {**everybody(hook), "STARROCKS_PORT": nobody(), "NIGHTSHIFT_ATTEMPTS": "1"}
    first = night.run("load_facts", **env)
    for job in ("refresh_views", "build_aggregates"):
        silent = night.run(job, **env)
        assert silent.exit_code == 69
        assert "notification_repeats" in [line["event"] for line in log_lines(silent)]
    ((path, title, text),) = messages(hook)
    assert (path, title, first.exit_code) == ("/CRITICAL", f"load_facts failed: night of {night.cycle}", 69)
    assert "no answer" in text and "next: is it up? ./run doctor" in text
    assert "Other jobs that end for this cause are told of after 4 hours." in text
    for mark in (Path(night.environment["STATE_DIR"]) / "told").iterdir():
        before = time.time() - timedelta(hours=4, minutes=1).total_seconds()
        os.utime(mark, (before, before))
    assert night.run("verify", **env).exit_code == 69
    assert [title.split()[0] for _, title, _ in messages(hook)] == ["load_facts", "verify"]


def test_a_cause_that_comes_again_after_a_good_run_is_news(night: Night, hook: Listener) -> None:
    env = {**everybody(hook), "STARROCKS_PORT": nobody(), "NIGHTSHIFT_ATTEMPTS": "1"}
    assert night.run("load_facts", **env).exit_code == 69
    assert night.load(**everybody(hook)).exit_code == 0
    assert night.run("load_facts", **env).exit_code == 69
    assert len(messages(hook)) == 2


def test_a_message_that_did_not_arrive_is_sent_by_the_next_job(night: Night, hook: Listener) -> None:
    hook.handler = lambda _: Play(http("no", 500))
    env = {**everybody(hook), "STARROCKS_PORT": nobody(), "NIGHTSHIFT_ATTEMPTS": "1"}
    assert night.run("load_facts", **env).exit_code == 69
    assert night.run("refresh_views", **env).exit_code == 69
    assert len(messages(hook)) == 2


def spans(sink: Sink) -> list[Any]:
    """Every span that arrived; many bear the same name."""
    parts = [part for request in sink.requests for part in getattr(request, "resource_spans", [])]
    return [span for part in parts for scope in part.scope_spans for span in scope.spans]


def test_a_run_is_one_trace(night: Night) -> None:
    night.drop("fact_first", f"{night.row()},1")
    with receiving() as sink:
        done = night.load(OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert done.exit_code == 0
    found = spans(sink)
    by_id = {span.span_id: span for span in found}
    (root,) = [span for span in found if span.parent_span_id not in by_id]
    assert root.name == "job load_facts"
    assert {span.trace_id for span in found} == {root.trace_id}
    chain, (span,) = [], [span for span in found if span.name.startswith("stream_load s_fact_first")]
    while span.parent_span_id:
        span = by_id[span.parent_span_id]
        chain.append(span.name)
    assert chain == ["load fact_first", "step fact_first", "job load_facts"]
    commit = next(span for span in found if span.name == "COMMIT")
    assert by_id[commit.parent_span_id].name == "load fact_first"
    assert attributes(commit)["db.system.name"] == "starrocks"
    told = attributes(root)
    assert (told["nightshift.job.name"], told["nightshift.job.outcome"]) == ("load_facts", "done")
    assert (told["nightshift.run.id"], told["nightshift.cycle"]) == (done.document["run_id"], str(night.cycle))
    (run,) = night.runs()
    assert run["trace_id"] == root.trace_id.hex()
    assert root.status.code != 2
    assert {record.trace_id for record in sink.logs() if record.trace_id} == {root.trace_id}


def test_the_span_of_a_job_that_failed_says_so(night: Night) -> None:
    night.drop("fact_first", f"{night.row()},x", f"{night.row()},y")
    night.drop("fact_second", f"{night.row()},x", f"{night.row()},y")
    with receiving() as sink:
        assert night.load(OTEL_EXPORTER_OTLP_ENDPOINT=sink.url).exit_code == 1
    job = sink.spans()["job load_facts"]
    assert job.status.code == 2 and job.status.message.startswith("DataRefused: fact_first: 2 of 2 rows")
    assert (attributes(job)["nightshift.job.outcome"], attributes(job)["nightshift.exit_code"]) == ("failed", 1)


@pytest.mark.parametrize("kind", ["refusing", "silent"])
def test_a_dead_collector_costs_little_and_never_the_exit_code(night: Night, kind: str) -> None:
    sale = night.row()
    night.drop("fact_first", f"{sale},1")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        port = silent.getsockname()[1] if kind == "silent" else nobody()
        began = time.monotonic()
        done = night.load(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}")
        took = time.monotonic() - began
    assert done.exit_code == 0
    assert took < 30, "3 seconds for the collector, the rest for a slow machine; OpenTelemetry's own patience is longer"
    assert len([line for line in log_lines(done) if line["event"] == "telemetry_export_failed"]) == 1
    assert len(night.sql("SELECT * FROM fact_first WHERE sale_id = %s", (sale,))) == 1


def test_no_secret_gets_out_anywhere(night: Night, hook: Listener) -> None:
    secrets = {
        **everybody(hook, f"/{CANARY}-webhook-key-0123456789"),
        "CONNECTION_SHOP": f"mysql+pymysql://reader:{CANARY}-connection@127.0.0.1:9/shop",
        "STARROCKS_PASSWORD": f"{CANARY}-password",
    }
    seen = []
    with receiving() as sink:
        telemetry = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url}
        for flag, changed in (("--json", {}), ("--force", {}), ("--force", {"STARROCKS_PORT": nobody()})):
            seen.append(night.run("load_facts", flag, **{**secrets, **telemetry, **changed}))
        seen += [night.run(job, "--json", **secrets, **telemetry) for job in ("status", "doctor")]
        night.drop("fact_first", f"{night.row()},x", f"{night.row()},{CANARY[:2]}")
        with_shop = {**secrets, **telemetry, "STARROCKS_PASSWORD": ""}
        seen += [night.run(job, "--force", "--json", **with_shop) for job in ("load_facts", "verify")]
    assert {done.exit_code for done in seen} >= {1, 69, 78}
    assert len(messages(hook)) >= 2
    assert CANARY not in "".join(done.stdout + done.stderr for done in seen)
    assert CANARY not in "".join(title + text for _, title, text in messages(hook))
    assert CANARY.encode() not in sink.raw and b"load_facts" in sink.raw
    for table in ("ops_job_run", "ops_job_step", "ops_quarantine"):
        assert CANARY not in str(night.sql(f"SELECT * FROM {table}"))
    written = [path for path in Path(night.environment["STATE_DIR"]).rglob("*") if path.is_file()]
    assert any("report" in str(path) for path in written)
    assert not [path for path in written if CANARY.encode() in path.read_bytes()]
