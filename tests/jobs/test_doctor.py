"""`./run doctor` as a process: a well installation, and each thing that can be wrong with it."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from examples.broker import Broker
from tests.jobs.test_verify import FILES, SALE

REPOSITORY = Path(__file__).resolve().parents[2]
Sql = Callable[..., list[dict[str, Any]]]
CRONTAB = "0 19 * * * {run} backup\n0 20 * * * {run} load_reference\n"
FROM_SQL = FILES["schema/dim_customer.sql"].replace("files customers/*.csv", "sql shop: customer")
FROM_KAFKA = FILES["schema/fact_sale.sql"].replace("files sales/*.csv", "kafka sale.history")


@pytest.fixture
def doctor(
    warehouse_dir: Callable[..., Path], run_job: Callable[..., Any], environment: dict[str, str], tmp_path: Path
) -> Callable[..., Any]:
    """A well installation; the function examines it with other settings."""
    warehouse_dir({**FILES, "crontab": CRONTAB.format(run=REPOSITORY / "run")})
    (tmp_path / "sources").mkdir()
    environment |= {
        "SOURCE_DIR": str(tmp_path / "sources"),
        "BACKUP_LOCATION": "file:///backups",
        "NOTIFY_CRITICAL": "json://127.0.0.1:9",
        "TZ": "UTC",
    }
    assert run_job("migrate").exit_code == 0
    return lambda *args, **env: run_job("doctor", *args, env=env)


def findings(done: Any) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in done.document["doctor"]["findings"]}


def free_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_all_is_well(doctor: Callable[..., Any], environment: dict[str, str], sql: Sql) -> None:
    done = doctor()
    assert [one for one in findings(done).values() if one["state"] != "OK"] == []
    assert done.exit_code == 0
    assert len(findings(done)) >= 20
    assert "embedded server" in findings(done)["version"]["said"]
    assert findings(done)["stream_load"]["said"] == "one row there and back"
    stage = environment["STARROCKS_STAGE_DATABASE"]
    assert sql(f"SHOW TABLES FROM {stage}") == []
    shown = subprocess.run([REPOSITORY / "run", "doctor"], env=environment, capture_output=True, text=True, check=True)
    assert "OK    stream_load          one row there and back" in shown.stdout


def test_a_dry_run_writes_nothing(doctor: Callable[..., Any]) -> None:
    done = doctor("--dry-run")
    assert (done.exit_code, done.document["planned"]) == (0, [])
    assert findings(done)["stream_load"]["said"] == "not tried: a dry run writes nothing"


@pytest.mark.parametrize(
    ("probe", "settings", "said", "fix"),
    [
        ("host_time_zone", {"TZ": "Asia/Tokyo"}, "9:00:00 away from UTC", "TZ=UTC"),
        ("backup_location", {"BACKUP_LOCATION": ""}, "there are no backups", "file:///"),
        ("notifications", {"NOTIFY_CRITICAL": ""}, "nobody is told", "apprise"),
        ("environment", {"NIGHTSHIFT_NOW": "2026-11-01T20:00:00"}, "clock of the jobs is set", "unset"),
        ("crontab_program", {}, "is not on this host", "make cron"),
    ],
)
def test_what_should_be_mended_is_a_warning(
    doctor: Callable[..., Any],
    warehouse_dir: Callable[..., Path],
    probe: str,
    settings: dict[str, str],
    said: str,
    fix: str,
) -> None:
    if probe == "crontab_program":
        warehouse_dir({"crontab": CRONTAB.format(run="/no/such/place/run")})
    done = doctor(**settings)
    found = findings(done)[probe]
    assert (found["state"], done.exit_code) == ("WARN", 0)
    assert said in found["said"]
    assert fix in found["fix"]


def test_a_dead_collector_is_only_a_warning(doctor: Callable[..., Any]) -> None:
    done = doctor(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    assert (findings(done)["telemetry_endpoint"]["state"], done.exit_code) == ("WARN", 0)


@pytest.mark.parametrize(
    ("probe", "settings", "said"),
    [
        ("notifications", {"NOTIFY_CRITICAL": "nonsense"}, "NOTIFY_CRITICAL: address 1"),
        ("source_dir", {"SOURCE_DIR": "/no/such/place"}, "/no/such/place is no directory"),
        ("backup_location", {"BACKUP_LOCATION": "backups"}, "'backups': scheme ''"),
        ("databases", {"STARROCKS_STAGE_DATABASE": "nowhere"}, "missing: nowhere"),
        ("login", {"STARROCKS_PASSWORD": "wrong"}, "login of root refused"),
    ],
)
def test_wrong_settings_end_with_78(
    doctor: Callable[..., Any], probe: str, settings: dict[str, str], said: str
) -> None:
    done = doctor(**settings)
    found = findings(done)[probe]
    assert (found["state"], done.exit_code) == ("FAIL", 78)
    assert said in found["said"]
    assert found["fix"]


@pytest.mark.parametrize(
    ("probe", "files", "said"),
    [
        ("warehouse_files", {"schema/fact_more.sql": "-- prupose: x\n"}, "unknown key; did you mean `purpose`?"),
        ("crontab_file", {"crontab": CRONTAB.format(run="./run")}, "crontab:1"),
        ("crontab_file", {"crontab": "0 19 * * * /x/run load_fatcs\n"}, "no job is called load_fatcs"),
        ("crontab_file", {"crontab": "0 4 * * * /x/run backup\n0 3 * * * /x/run load_dimensions\n"}, "comes before"),
        ("tables", {"schema/fact_more.sql": SALE.replace("fact_sale", "fact_more")}, "missing: fact_more"),
    ],
)
def test_wrong_files_end_with_78(
    doctor: Callable[..., Any], warehouse_dir: Callable[..., Path], probe: str, files: dict[str, str], said: str
) -> None:
    warehouse_dir(files)
    done = doctor()
    found = findings(done)[probe]
    assert (found["state"], done.exit_code) == ("FAIL", 78)
    assert said in found["said"]


def test_a_server_that_is_down_ends_with_69_and_spares_what_needs_it(doctor: Callable[..., Any]) -> None:
    port = str(free_port())
    done = doctor(STARROCKS_PORT=port)
    assert done.exit_code == 69
    assert findings(done)["mysql_port"]["state"] == "FAIL"
    assert f"nobody answers at 127.0.0.1:{port}" in findings(done)["mysql_port"]["said"]
    skipped = {name for name, one in findings(done).items() if one["state"] == "SKIP"}
    assert {"login", "version", "backends", "stream_load"} <= skipped
    assert findings(done)["http_port"]["state"] == "OK"


def test_a_stream_load_port_that_is_down(doctor: Callable[..., Any]) -> None:
    done = doctor(STARROCKS_HTTP_PORT=str(free_port()))
    assert (done.exit_code, findings(done)["http_port"]["state"]) == (69, "FAIL")
    assert findings(done)["stream_load"]["state"] == "SKIP"


def test_a_backend_that_cannot_be_reached_by_its_name(doctor: Callable[..., Any]) -> None:
    done = doctor(STARROCKS_HOST_MAP="127.0.0.1=no-such-host.invalid")
    found = findings(done)["redirect_target"]
    assert (found["state"], done.exit_code) == ("FAIL", 78)
    assert "'no-such-host.invalid' has no address" in found["said"]
    assert found["fix"] == "STARROCKS_HOST_MAP=127.0.0.1=<address reachable from here>"


def test_sources_that_do_not_answer(doctor: Callable[..., Any], warehouse_dir: Callable[..., Path]) -> None:
    warehouse_dir({"schema/dim_customer.sql": FROM_SQL, "schema/fact_sale.sql": FROM_KAFKA})
    done = doctor()
    assert done.exit_code == 78
    assert findings(done)["sql_connections"]["said"].startswith("CONNECTION_SHOP is not set")
    assert findings(done)["kafka"]["fix"].startswith("set KAFKA_BOOTSTRAP_SERVERS")
    done = doctor(
        CONNECTION_SHOP="mysql+pymysql://me:secret@127.0.0.1:1/shop",
        KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{free_port()}",
    )
    assert done.exit_code == 69
    assert {name for name, one in findings(done).items() if one["state"] == "FAIL"} == {"sql_connections", "kafka"}
    assert "secret" not in done.stdout + done.stderr
    done = doctor(CONNECTION_SHOP="not a url with secret", KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{free_port()}")
    assert done.exit_code == 78
    assert "secret" not in done.stdout + done.stderr


def test_sources_that_answer(doctor: Callable[..., Any], warehouse_dir: Callable[..., Path], tmp_path: Path) -> None:
    warehouse_dir({"schema/dim_customer.sql": FROM_SQL, "schema/fact_sale.sql": FROM_KAFKA})
    given = {"CONNECTION_SHOP": f"sqlite:///{tmp_path}/shop.db"}
    with Broker(topics=("other",)) as broker:
        done = doctor(**given, KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap_servers)
    assert findings(done)["sql_connections"]["said"] == "shop"
    assert "no topic sale.history" in findings(done)["kafka"]["said"]
    assert done.exit_code == 78
    with Broker(topics=("sale.history",)) as broker:
        done = doctor(**given, KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap_servers)
    assert findings(done)["kafka"]["said"] == f"{broker.bootstrap_servers}: sale.history"
    assert done.exit_code == 0


def test_wrong_settings_are_lines_and_not_a_crash(environment: dict[str, str]) -> None:
    wrong = {**environment, "STARROCKS_PORT": "many", "STARROCKS_HTTTP_PORT": "1"}
    done = subprocess.run([REPOSITORY / "run", "doctor"], env=wrong, capture_output=True, text=True, check=False)
    assert done.returncode == 78
    assert "STARROCKS_PORT='many'" in done.stderr
    assert "did you mean STARROCKS_HTTP_PORT?" in done.stderr
    assert "Traceback" not in done.stderr


def test_state_dir_that_cannot_be_written(doctor: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = doctor(STATE_DIR=str(tmp_path / "file" / "state"))
    assert (done.exit_code, findings(done)["state_dir"]["state"]) == (78, "FAIL")


def test_every_probe_says_what_it_is_for() -> None:
    code = (
        "from lib import probes\n"
        "for module in probes._in_order():\n"
        "    for name, probe in probes._probes(module):\n"
        "        assert probe.__doc__, name\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)
