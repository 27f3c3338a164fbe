"""Telemetry of a process, received and decoded by a sink on loopback, and what a dead collector costs."""

from __future__ import annotations

import socket
import time
from textwrap import dedent

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_DELTA
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.lib.conftest import Run
from tests.lib.otlp_sink import attributes, receiving

JOB = """
from lib import log, telemetry
log.configure(job="load_facts", run_id="r-1")
given = {"service.version": "abc123", "nightshift.cycle": "2026-11-01"}
telemetry.start(job="load_facts", run_id="r-1", attributes=given)
"""
NIGHT = (
    JOB
    + """
with telemetry.span("load_facts", outcome="done") as job:
    with telemetry.span("load fact_trade", table="fact_trade", **{"db.namespace": "dw"}) as step:
        log.warning("loaded", rows=3, password="hunter2hunter2")
        step.set(rows=3, huge=2**64, nothing=None, text="hunter2hunter2", names=["a", 1])
        print(telemetry.traceparent(), telemetry.trace_id())
    try:
        with telemetry.span("load fact_sales", table="fact_sales"):
            raise ConnectionError("no login with hunter2hunter2")
    except ConnectionError as error:
        log.exception("broke", error)
telemetry.count("rows", 3, table="fact_trade")
telemetry.count("rows", 4, table="fact_trade")
telemetry.gauge("table.freshness_seconds", 12.5, table="fact_trade")
telemetry.shutdown()
"""
)


def test_a_night_arrives_whole(run: Run) -> None:
    with receiving() as sink:
        done = run(NIGHT, {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "STARROCKS_PASSWORD": "hunter2hunter2"})
    assert done.returncode == 0, done.stderr
    assert b"hunter2hunter2" not in sink.raw
    spans = sink.spans()
    job, step, failed = spans["load_facts"], spans["load fact_trade"], spans["load fact_sales"]
    assert step.parent_span_id == failed.parent_span_id == job.span_id
    assert job.parent_span_id == b""
    assert attributes(job)["nightshift.job.outcome"] == "done"
    known = attributes(step)
    assert known["nightshift.job.name"] == "load_facts" and known["nightshift.run.id"] == "r-1"
    assert known["nightshift.cycle"] == "2026-11-01" and known["db.namespace"] == "dw"
    assert known["nightshift.rows"] == 3 and known["nightshift.huge"] == str(2**64)
    assert known["nightshift.text"] == "***" and "nightshift.nothing" not in known
    assert step.status.code == Status.STATUS_CODE_UNSET
    assert failed.status.code == Status.STATUS_CODE_ERROR
    assert failed.status.message == "ConnectionError: no login with ***"
    assert attributes(failed)["error.type"] == "ConnectionError"
    assert attributes(failed.events[0])["exception.message"] == "ConnectionError: no login with ***"
    traceparent, trace = done.stdout.split()
    assert traceparent == f"00-{step.trace_id.hex()}-{step.span_id.hex()}-01" and trace == step.trace_id.hex()


def test_logs_belong_to_their_span(run: Run) -> None:
    with receiving() as sink:
        done = run(NIGHT, {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url})
    first, second = sink.logs()
    step = sink.spans()["load fact_trade"]
    assert (first.body.string_value, first.severity_text) == ("loaded", "WARN")
    assert (first.trace_id, first.span_id) == (step.trace_id, step.span_id)
    assert attributes(first)["nightshift.run.id"] == "r-1" and attributes(first)["nightshift.rows"] == 3
    assert abs(first.time_unix_nano / 1e9 - time.time()) < 600
    assert "ConnectionError" in attributes(second)["exception.stacktrace"]
    assert f'"trace_id": "{step.trace_id.hex()}", "span_id": "{step.span_id.hex()}"' in done.stderr


def test_metrics_are_deltas_of_a_stable_instance(run: Run) -> None:
    with receiving() as sink:
        run(NIGHT, {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url})
    rows, fresh = sink.metrics()["nightshift.rows"], sink.metrics()["nightshift.table.freshness_seconds"]
    assert rows.sum.aggregation_temporality == AGGREGATION_TEMPORALITY_DELTA
    assert [point.as_int for point in rows.sum.data_points] == [7]
    assert attributes(rows.sum.data_points[0]) == {"nightshift.table": "fact_trade"}
    assert (rows.unit, fresh.unit) == ("{row}", "s")
    assert [point.as_double for point in fresh.gauge.data_points] == [12.5]
    resources = sink.resources()
    assert len(resources) == 3 and all(one == resources[0] for one in resources)
    assert resources[0]["service.name"] == "nightshift" and resources[0]["service.version"] == "abc123"
    assert resources[0]["service.instance.id"] == resources[0]["host.name"] == socket.gethostname()
    assert resources[0]["deployment.environment"] == resources[0]["deployment.environment.name"] == "development"
    assert "nightshift.cycle" not in resources[0]


def test_the_parent_comes_from_the_environment(run: Run) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    environ = {"TRACEPARENT": parent, "OTEL_RESOURCE_ATTRIBUTES": "service.namespace=team,host.name=h"}
    with receiving() as sink:
        run(NIGHT, {**environ, "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url})
    job = sink.spans()["load_facts"]
    assert (job.trace_id.hex(), job.parent_span_id.hex()) == tuple(parent.split("-")[1:3])
    assert (sink.resources()[0]["service.namespace"], sink.resources()[0]["host.name"]) == ("team", "h")


def test_spans_are_redacted_before_anything_is_logged(run: Run) -> None:
    code = """
    try:
        with telemetry.span("load_facts", text="hunter2hunter2"):
            raise OSError("hunter2hunter2")
    except OSError:
        telemetry.shutdown()
    """
    with receiving() as sink:
        run(JOB + dedent(code), {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "STARROCKS_PASSWORD": "hunter2hunter2"})
    assert sink.spans()["load_facts"].status.message == "OSError: ***"
    assert b"hunter2hunter2" not in sink.raw


def test_a_stopped_job_marks_its_spans(run: Run) -> None:
    code = """
    from lib.errors import Exit, Stopped
    try:
        with telemetry.span("load_facts"):
            raise Stopped(Exit.TERMINATED)
    finally:
        telemetry.shutdown()
    """
    with receiving() as sink:
        done = run(JOB + dedent(code), {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url})
    assert done.returncode != 0
    assert sink.spans()["load_facts"].status.message == "Stopped: stopped by SIGTERM"


@pytest.mark.parametrize(
    "environ", [{}, {"OTEL_SDK_DISABLED": "TRUE", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}]
)
def test_off_means_that_nothing_is_imported(run: Run, environ: dict[str, str]) -> None:
    done = run(NIGHT + "import sys; print('opentelemetry' in sys.modules)", environ)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["False"], "no traceparent, no trace id, no import"
    assert "trace_id" not in done.stderr


def timed(body: str) -> str:
    return body.replace("telemetry.shutdown()", "import time; t = time.monotonic(); telemetry.shutdown()") + (
        "print('took', time.monotonic() - t)"
    )


def check_dead(run: Run, url: str, deadline: float = 3.0) -> str:
    done = run(timed(NIGHT), {"OTEL_EXPORTER_OTLP_ENDPOINT": url})
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) < deadline + 0.5, "the deadline is the contract, not a benchmark"
    told = [line for line in done.stderr.splitlines() if "telemetry_export_failed" in line]
    assert len(told) == 1 and url in told[0]
    assert len(done.stderr.splitlines()) == 3, "two lines of the job, one of telemetry"
    return told[0]


def test_a_collector_that_refuses_is_told_once(run: Run) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        told = check_dead(run, f"http://127.0.0.1:{unused.getsockname()[1]}")
    assert "refused" in told


def test_a_collector_that_never_answers_is_told_once(run: Run) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        check_dead(run, f"http://127.0.0.1:{silent.getsockname()[1]}")


@pytest.mark.parametrize("status", [400, 503])
def test_a_collector_that_fails_is_told_once(run: Run, status: int) -> None:
    with receiving(status) as sink:
        check_dead(run, sink.url)


def test_a_setup_that_fails_leaves_telemetry_off(run: Run) -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_MAX_QUEUE_SIZE": "-1"}
    done = run(NIGHT, environ)
    assert done.returncode == 0, done.stderr
    assert "telemetry_off" in done.stderr
