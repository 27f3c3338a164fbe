"""A receiver of OTLP/HTTP for tests: decodes what arrives with OpenTelemetry's own message types."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TYPES: dict[str, Any] = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}


class Sink:
    """What has arrived so far."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.raw = b""
        self.url = ""

    def resources(self) -> list[dict[str, Any]]:
        """The attributes of every resource, of all signals."""
        kinds = ("resource_spans", "resource_metrics", "resource_logs")
        found = [part for request in self.requests for kind in kinds for part in getattr(request, kind, [])]
        return [attributes(part.resource) for part in found]

    def spans(self) -> dict[str, Any]:
        """Spans by name."""
        return {
            span.name: span
            for request in self.requests
            for part in getattr(request, "resource_spans", [])
            for scope in part.scope_spans
            for span in scope.spans
        }

    def metrics(self) -> dict[str, Any]:
        """Metrics by name."""
        return {
            metric.name: metric
            for request in self.requests
            for part in getattr(request, "resource_metrics", [])
            for scope in part.scope_metrics
            for metric in scope.metrics
        }

    def logs(self) -> list[Any]:
        """Log records in the order of their arrival."""
        return [
            record
            for request in self.requests
            for part in getattr(request, "resource_logs", [])
            for scope in part.scope_logs
            for record in scope.log_records
        ]


def attributes(holder: Any) -> dict[str, Any]:
    """The attributes of a message as Python values."""
    return {pair.key: getattr(pair.value, str(pair.value.WhichOneof("value"))) for pair in holder.attributes}


@contextmanager
def receiving(answer: int = 200) -> Iterator[Sink]:
    """A sink on a free port of loopback that answers with this HTTP status."""
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            sink.raw += body
            sink.requests.append(TYPES[self.path].FromString(body))
            self.send_response(answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: a test's stderr is for its own messages."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sink.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()
