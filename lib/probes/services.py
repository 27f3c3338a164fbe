"""What stands beside the warehouse: backups, messages, telemetry."""

from __future__ import annotations

from urllib.parse import urlsplit

from lib import notify
from lib.errors import Misconfigured, Told
from lib.probes import Doubt, Patient, _port
from lib.settings import settings

_SCHEMES = ("file", "s3", "s3a", "gs", "hdfs", "oss", "cosn", "wasb", "wasbs", "adl", "abfs", "abfss")


def backup_location(_patient: Patient) -> str:
    """There is a place for backups."""
    place = settings().backup_location
    if not place:
        raise Doubt("BACKUP_LOCATION is not set: there are no backups", hint="set it to file:///... or s3://...")
    scheme = urlsplit(place).scheme
    if scheme not in _SCHEMES:
        raise Misconfigured(f"BACKUP_LOCATION={place!r}: scheme {scheme!r}", hint=f"one of: {', '.join(_SCHEMES)}")
    return place


def notifications(_patient: Patient) -> str:
    """Somebody is told, and apprise understands the addresses."""
    faults = notify.check()
    if faults:
        raise Misconfigured("; ".join(faults), hint="see the list of services of apprise")
    told = [severity for severity in ("critical", "warning", "info") if getattr(settings(), f"notify_{severity}")]
    if "critical" not in told:
        raise Doubt("NOTIFY_CRITICAL is not set: nobody is told when a night fails", hint="set it to an apprise URL")
    return ", ".join(told)


def telemetry_endpoint(_patient: Patient) -> str:
    """The collector takes connections. It is never needed: a night does not fail for its telemetry."""
    endpoint = settings().otel_exporter_otlp_endpoint
    if not endpoint:
        return "off: OTEL_EXPORTER_OTLP_ENDPOINT is not set"
    parts = urlsplit(endpoint)
    port = parts.port or (443 if parts.scheme == "https" else 4318)
    try:
        _port.answers(parts.hostname or "", port, what="collector", hint="is the collector up? OTLP/HTTP is 4318")
    except Told as error:
        raise Doubt(error.message, hint=error.hint) from None
    return endpoint
