"""Every setting there is: name, type, default and meaning. README and .env.example are printed from this file.

A setting comes from the environment, else from the file that NAME_FILE names, else from a file of its name in
SECRETS_DIR, else from `.env` beside the repository, else from its default. All faults are reported together.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from lib.secret import Secret

REPOSITORY = Path(__file__).resolve().parent.parent

# What StarRocks takes (fe/fe-core/src/main/java/com/starrocks/sql/analyzer/FeNameFormat.java, checkDbName), without the
# characters that would have a meaning in statements and labels.
DatabaseName = Annotated[str, Meta(pattern=r"^([A-Za-z][A-Za-z0-9_$-]{0,255}|_[A-Za-z0-9][A-Za-z0-9_$-]{0,254})\Z")]
Port = Annotated[int, Meta(ge=1, le=65535)]
# A week: what waits longer waits for ever.
Seconds = Annotated[float, Meta(gt=0, le=604800)]
HostMap = dict[str, str]


def _meaning(text: str) -> Meta:
    return Meta(description=text)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of one process. The field `starrocks_host` is the setting STARROCKS_HOST, and so on."""

    starrocks_host: Annotated[str, _meaning("Host of the StarRocks frontend")]
    starrocks_port: Annotated[Port, _meaning("MySQL port of the frontend")] = 9030
    starrocks_http_port: Annotated[Port, _meaning("HTTP port of the frontend, for Stream Load")] = 8030
    starrocks_user: Annotated[str, _meaning("User of the jobs")] = "root"
    starrocks_password: Annotated[Secret, _meaning("Password of that user")] = Secret("")
    starrocks_database: Annotated[DatabaseName, _meaning("Database of the warehouse")] = "dw"
    starrocks_stage_database: Annotated[
        DatabaseName, _meaning("Database of the stage tables; readers get no grant on it")
    ] = "dw_stage"
    starrocks_host_map: Annotated[
        HostMap, _meaning("Where a backend is reached when its own name is not: `be-0=10.0.0.7, ...`")
    ] = {}
    starrocks_ssl_ca: Annotated[str, _meaning("CA file; set, the MySQL connection must be TLS")] = ""
    starrocks_connect_timeout: Annotated[Seconds, _meaning("Seconds to wait for a connection")] = 10
    starrocks_read_timeout: Annotated[Seconds, _meaning("Seconds to wait for a statement")] = 3600
    starrocks_load_timeout: Annotated[Seconds, _meaning("Seconds that one Stream Load may take")] = 600

    source_dir: Annotated[Path, _meaning("Where `files` sources are looked for; relative: below WAREHOUSE_DIR")] = Path(
        "sources"
    )
    kafka_bootstrap_servers: Annotated[str, _meaning("Brokers of the `kafka` sources: `host:port, ...`")] = ""

    backup_repository: Annotated[str, _meaning("Name of the backup repository in StarRocks")] = "nightshift"
    backup_location: Annotated[
        str, _meaning("Where backups go: `file:///...`, `s3://...`; empty: no backup, and the job says so")
    ] = ""
    backup_timeout: Annotated[Seconds, _meaning("Seconds that a backup may take")] = 14400

    notify_critical: Annotated[Secret, _meaning("Apprise URLs for CRITICAL, separated by blanks")] = Secret("")
    notify_warning: Annotated[Secret, _meaning("Apprise URLs for WARNING")] = Secret("")
    notify_info: Annotated[Secret, _meaning("Apprise URLs for INFO")] = Secret("")

    otel_exporter_otlp_endpoint: Annotated[
        str, _meaning("OTLP/HTTP endpoint for traces, metrics and logs; empty: none")
    ] = ""
    otel_service_name: Annotated[str, _meaning("Service name in traces and metrics")] = "nightshift"

    environment: Annotated[
        Literal["development", "demo", "production"],
        _meaning("In `production` the embedded server and a set clock are refused"),
    ] = "development"
    warehouse_dir: Annotated[
        Path, _meaning("Where schema/, views/, reference-data/, checks/ and crontab are read from")
    ] = REPOSITORY
    state_dir: Annotated[Path, _meaning("Locks and spool files; on a local disk, one a host")] = REPOSITORY / ".state"
    report_dir: Annotated[Path | None, _meaning("Audit reports; default: STATE_DIR/reports")] = None
    secrets_dir: Annotated[Path, _meaning("Files named after settings hold their values")] = Path("/run/secrets")

    nightshift_attempts: Annotated[
        Annotated[int, Meta(ge=1, le=20)], _meaning("Attempts of a step whose error is transient")
    ] = 5
    nightshift_backoff: Annotated[
        Seconds, _meaning("Seconds before the second attempt; doubles, with jitter, up to 60")
    ] = 1.0
    nightshift_log: Annotated[
        Literal["auto", "json", "text"], _meaning("Log on stderr; auto: text on a terminal, else JSON lines")
    ] = "auto"
    nightshift_now: Annotated[
        datetime | None, _meaning("Start of the jobs' clock, UTC; for demos and tests, refused in production")
    ] = None

    @property
    def sources(self) -> Path:
        """Where `files` sources are looked for: cron's working directory must not matter."""
        return self.warehouse_dir / self.source_dir

    @property
    def reports(self) -> Path:
        """Where audit reports are written."""
        return self.report_dir or self.state_dir / "reports"


PREFIXES = ("STARROCKS_", "NOTIFY_", "NIGHTSHIFT_", "KAFKA_", "BACKUP_")
CONNECTION = "CONNECTION_"
# Read by tests alone.
FOREIGN = {"STARROCKS_TEST_URL"}


def names() -> list[str]:
    """The names of all settings, in the order of this file."""
    return [field.upper() for field in Settings.__struct_fields__]


def read(environ: Mapping[str, str]) -> Settings:
    """Settings from an environment; raises `Misconfigured` that lists every fault."""
    from lib import settings_reading

    return settings_reading.read(environ)


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return read(os.environ)


def connection(name: str) -> Secret:
    """The URL of a SQL source: the setting CONNECTION_<NAME>. Raises `Misconfigured` when it is not set."""
    from lib import settings_reading

    return settings_reading.connection(os.environ, name)
