"""`./run verify` as a process: states, exit codes, reports and messages, over real rows."""

from __future__ import annotations

import csv
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

Sql = Callable[..., list[dict[str, Any]]]
MORNING = {"NIGHTSHIFT_NOW": "2026-11-02T06:40:00", "BACKUP_LOCATION": "file:///backups"}
CHAIN = ("load_reference", "load_dimensions", "load_facts", "refresh_views", "build_aggregates")
CUSTOMER = """\
-- purpose: who buys
-- source:  files customers/*.csv
-- owner:   test
-- refresh: full, evening
-- scd:     2
-- key:     customer_id

CREATE TABLE IF NOT EXISTS dim_customer (
    customer_id BIGINT       NOT NULL COMMENT "Number",
    valid_from  DATETIME     NOT NULL COMMENT "From",
    valid_to    DATETIME     NOT NULL COMMENT "To",
    is_current  BOOLEAN      NOT NULL COMMENT "Current",
    name        VARCHAR(100) NULL     COMMENT "Name"
)
PRIMARY KEY (customer_id, valid_from)
COMMENT "Customers"
DISTRIBUTED BY HASH (customer_id) BUCKETS 1
PROPERTIES ("replication_num" = "1");
"""
SALE = """\
-- purpose: what was sold
-- source:  files sales/*.csv
-- owner:   test
-- refresh: incremental, morning
-- key:     sale_id
-- check:   CRITICAL references(customer_id, dim_customer.customer_id)
-- check:   WARNING  fresh(sold_at, 26h)
-- check:   WARNING  row_change(50%)
-- check:   CRITICAL between(amount, 0, 1000)

CREATE TABLE IF NOT EXISTS fact_sale (
    sold_date   DATE          NOT NULL COMMENT "Day",
    sale_id     BIGINT        NOT NULL COMMENT "Number",
    sold_at     DATETIME      NOT NULL COMMENT "When",
    customer_id BIGINT        NULL     COMMENT "Who",
    amount      DECIMAL(10,2) NOT NULL COMMENT "How much"
)
PRIMARY KEY (sold_date, sale_id)
COMMENT "Sales"
DISTRIBUTED BY HASH (sale_id) BUCKETS 1
PROPERTIES ("replication_num" = "1");
"""
FREE = """\
-- purpose:  =cmd|' /C calc'!A0 <script>alert(1)</script>
-- owner:    test
-- severity: INFO

SELECT sale_id FROM fact_sale WHERE amount = 13;
"""
FILES = {
    "schema/dim_customer.sql": CUSTOMER,
    "schema/fact_sale.sql": SALE,
    "checks/=sale_of_thirteen.sql": FREE,
    "crontab": "",
}


@pytest.fixture
def verify(warehouse_dir: Callable[..., Path], run_job: Callable[..., Any], sql: Sql) -> Callable[..., Any]:
    """A warehouse after a good night; the function verifies it."""
    warehouse_dir(FILES)
    assert run_job("migrate").exit_code == 0
    sql(
        "INSERT INTO dim_customer VALUES"
        " (7, '2026-01-01 00:00:00', '2026-05-01 00:00:00', FALSE, 'Ada'),"
        " (7, '2026-05-01 00:00:00', '9999-12-31 00:00:00', TRUE, 'Ada L.')"
    )
    sql("INSERT INTO fact_sale VALUES ('2026-11-01', 1, '2026-11-01 20:00:00', 7, 10), "
        "('2026-11-02', 2, '2026-11-02 05:00:00', NULL, 20)")  # fmt: skip
    night_was_done(sql, "2026-11-01")
    return lambda *args, **env: run_job("verify", *args, env={**MORNING, **env})


def night_was_done(sql: Sql, cycle: str) -> None:
    """What the other jobs leave in the ledger."""
    for job in CHAIN:
        sql(
            "INSERT INTO ops_job_run (run_id, job, cycle, state, exit_code, attempt, arguments, started_at, ended_at,"
            " rows_read, rows_loaded, rows_repeated, rows_quarantined, host, pid, revision, trace_id, error, hint)"
            " VALUES (%s, %s, %s, 'done', 0, 1, '', %s, %s, 2, 2, 0, 0, 'here', 1, '', '', '', '')",
            (f"{cycle}-{job}", job, cycle, f"{cycle} 20:00:00", f"{cycle} 20:01:40"),
        )
    sql(
        "INSERT INTO ops_backup VALUES (%s, 'r', %s, 'FINISHED', NULL, %s, 't', 9, '{}', 'run', '')",
        (f"backup_{cycle.replace('-', '')}", cycle, f"{cycle} 19:03:00"),
    )
    sql(
        "INSERT INTO ops_load VALUES ('fact_sale', %s, 'run', %s, 'files', 'a.csv', '', '', '', 2, 2, 2, 0, 0, 0, %s)",
        (f"load-{cycle}", cycle, f"{cycle} 20:00:30"),
    )


def reports(tmp_path: Path, folder: str = "2026-11-01") -> Path:
    return tmp_path / "state" / "reports" / folder


def check(done: Any, subject: str, text: str) -> dict[str, Any]:
    """One check of the document."""
    found = done.document["verification"]["checks"]
    return next(one for one in found if one["subject"] == subject and one["text"].startswith(text))


def test_a_good_night(verify: Callable[..., Any], sql: Sql, tmp_path: Path) -> None:
    done = verify()
    assert (done.exit_code, done.document["state"]) == (0, "done"), done.document["notes"]
    verification = done.document["verification"]
    assert verification["verdict"] == "good"
    assert verification["counts"] == {"passed": len(verification["checks"]), "CRITICAL": 0, "WARNING": 0, "INFO": 0}
    written = sql("SELECT subject, check_name, severity, state, cycle FROM ops_check_result")
    assert {(row["subject"], row["check_name"], row["state"]) for row in written} == {
        (one["subject"], one["text"], "passed") for one in verification["checks"]
    }
    by_itself = {row["check_name"] for row in written if row["subject"] == "dim_customer"}
    history = {"one_current(customer_id)", "no_overlap(customer_id)", "no_gap(customer_id)"}
    assert by_itself == {"unique(customer_id, valid_from)"} | history
    for folder in ("2026-11-01", "latest"):
        names = {path.name for path in reports(tmp_path, folder).iterdir()}
        assert names == {"verify.html", "verify.json", "verify.csv"}
    assert json.loads((reports(tmp_path) / "verify.json").read_text())["night"] == "2026-11-01"


def test_a_critical_finding_ends_with_65_and_shows_its_rows(verify: Callable[..., Any], sql: Sql) -> None:
    sql("INSERT INTO fact_sale VALUES ('2026-11-02', 1, '2026-11-02 05:00:00', 7, 10)")
    done = verify()
    assert done.exit_code == 65
    found = check(done, "fact_sale", "unique(sale_id)")
    assert (found["state"], found["severity"], found["wrong_rows"]) == ("failed", "CRITICAL", 2)
    assert found["measured"] == "2 of 3 rows: sale_id is not unique"
    assert sql(found["query"].rstrip(";")) == [{"sale_id": 1, "rows_alike": 2}]
    assert "CRITICAL fact_sale unique(sale_id): 2 of 3 rows: sale_id is not unique" in done.document["notes"]
    run = sql("SELECT state, exit_code FROM ops_job_run WHERE job = 'verify'")
    assert run == [{"state": "failed", "exit_code": 65}]
    failed = sql("SELECT check_name FROM ops_check_result WHERE state = 'failed'")
    assert failed == [{"check_name": "unique(sale_id)"}]


def test_warnings_alone_leave_the_run_done(verify: Callable[..., Any]) -> None:
    done = verify(NIGHTSHIFT_NOW="2026-11-02T11:00:00")
    assert done.exit_code == 0
    done = verify("--force", "--date", "2026-11-01", NIGHTSHIFT_NOW="2026-11-05T11:00:00")
    assert check(done, "fact_sale", "fresh")["measured"].startswith("newest sold_at is 2026-11-02 05:00, 7 h ago")


def test_a_stale_table_is_a_warning(verify: Callable[..., Any], sql: Sql) -> None:
    sql("DELETE FROM fact_sale WHERE sale_id = 2")
    sql("UPDATE fact_sale SET sold_at = '2026-11-01 02:00:00' WHERE sale_id = 1")
    done = verify()
    assert (done.exit_code, done.document["state"]) == (0, "done")
    assert done.document["verification"]["verdict"] == "warning"
    note = "WARNING fact_sale fresh(sold_at, 26h): newest sold_at is 2026-11-01 02:00, 28.7 h ago, allowed 26 h"
    assert note in done.document["notes"]


def test_rows_are_compared_with_the_night_before(verify: Callable[..., Any], sql: Sql) -> None:
    first = verify()
    assert check(first, "fact_sale", "row_change")["measured"] == "2 rows, no earlier night to compare with"
    sql("INSERT INTO fact_sale VALUES ('2026-11-02', 3, '2026-11-02 06:00:00', 7, 1), "
        "('2026-11-02', 4, '2026-11-02 06:00:00', 7, 1)")  # fmt: skip
    night_was_done(sql, "2026-11-02")
    second = verify(NIGHTSHIFT_NOW="2026-11-03T06:40:00")
    found = check(second, "fact_sale", "row_change")
    assert (found["state"], found["severity"]) == ("failed", "WARNING")
    assert found["measured"] == "4 rows, +100.0 % against 2 on 2026-11-01, allowed 50 %"


def test_what_cannot_be_evaluated_counts_as_failed(verify: Callable[..., Any], sql: Sql) -> None:
    sql("DROP TABLE dim_customer FORCE")
    done = verify()
    assert done.exit_code == 65
    found = check(done, "fact_sale", "references")
    assert found["state"] == "unknown"
    assert re.search(r"could not be evaluated: dim_customer: no such table in .*; ./run migrate", found["measured"])
    assert check(done, "fact_sale", "between")["state"] == "passed"


def test_one_bad_check_does_not_spoil_the_scan_of_its_table(
    verify: Callable[..., Any], warehouse_dir: Callable[..., Path]
) -> None:
    wrong = SALE.replace("between(amount, 0, 1000)", "between(sold_at, 'x', 'y')")
    warehouse_dir({"checks/broken.sql": FREE.replace("amount = 13", "no_such_column = 13")})
    done = verify()
    assert done.exit_code == 0, done.document["notes"]
    assert check(done, "broken", "broken")["state"] == "unknown"
    assert check(done, "=sale_of_thirteen", "=sale")["state"] == "passed"
    warehouse_dir({"schema/fact_sale.sql": wrong})
    assert verify().exit_code == 78


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("fresh(sold_at, 26h)", "fresh(sold_at, soon)", r"fact_sale.sql:7: check: .*expected fresh"),
        ("between(amount, 0", "between(amuont, 0", r"fact_sale.sql:9: check: .*fact_sale has no column amuont; it has"),
        ("row_change(50%)", "row_chnage(50%)", r"fact_sale.sql:8: .*no kind of check is called 'row_chnage'; allowed"),
    ],
)
def test_a_wrongly_written_check_is_told_before_anything_runs(
    verify: Callable[..., Any], warehouse_dir: Callable[..., Path], sql: Sql, old: str, new: str, told: str
) -> None:
    warehouse_dir({"schema/fact_sale.sql": SALE.replace(old, new)})
    done = verify()
    assert done.exit_code == 78
    assert re.search(told, done.document["error"]), done.document["error"]
    assert sql("SELECT count(*) AS n FROM ops_check_result") == [{"n": 0}]


def test_free_form_checks_and_dangerous_text(verify: Callable[..., Any], sql: Sql, tmp_path: Path) -> None:
    sql("INSERT INTO fact_sale VALUES ('2026-11-02', 3, '2026-11-02 05:00:00', 7, 13)")
    done = verify()
    assert (done.exit_code, done.document["verification"]["verdict"]) == (0, "good")
    found = check(done, "=sale_of_thirteen", "=sale")
    assert (found["state"], found["severity"], found["wrong_rows"]) == ("failed", "INFO", 1)
    assert found["measured"] == "1 row: =cmd|' /C calc'!A0 <script>alert(1)</script>"
    assert sql(found["query"].rstrip(";")) == [{"sale_id": 3}]
    with (reports(tmp_path) / "verify.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(done.document["verification"]["checks"])
    assert not [cell for row in rows for cell in row.values() if cell and cell[0] in "=+-@"]
    assert "'=sale_of_thirteen" in {row["subject"] for row in rows}
    page = (reports(tmp_path) / "verify.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_page_needs_nothing_beside_it_and_shows_no_row(
    verify: Callable[..., Any], sql: Sql, tmp_path: Path
) -> None:
    sql(
        "INSERT INTO ops_quarantine (target, row_id, reason, column_name, value, source, coordinates, row_text,"
        " accepted, load_id, run_id, quarantined_at) VALUES ('fact_sale', 'q1', 'type', 'amount', 'Ada Lovelace',"
        " 'files', 'sales/a.csv:17', '{\"name\": \"Ada Lovelace\"}', TRUE, 'l',"
        " '2026-11-01-load_facts', '2026-11-02 05:00:00')"
    )
    assert verify().document["verification"]["verdict"] == "warning"
    page = (reports(tmp_path) / "verify.html").read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)\s*=|url\(|@import|<link|<iframe""", page)
    assert "sales/a.csv:17" in page
    assert "Ada" not in page + (reports(tmp_path) / "verify.json").read_text(encoding="utf-8")


def test_only_and_dry_run(verify: Callable[..., Any], sql: Sql, tmp_path: Path) -> None:
    dry = verify("--dry-run")
    assert dry.exit_code == 0
    assert not (tmp_path / "state" / "reports").exists()
    assert sql("SELECT count(*) AS n FROM ops_check_result") == [{"n": 0}]
    some = verify("--only", "fact_sale", "--only", "night")
    assert {one["subject"] for one in some.document["verification"]["checks"]} == {"fact_sale", "night"}
    assert not reports(tmp_path, "latest").exists()
    assert Path(some.document["report"]["html"]).parent == reports(tmp_path) / some.document["run_id"]
    unknown = verify("--only", "fact_sales")
    assert unknown.exit_code == 2
    assert "did you mean fact_sale?" in unknown.stderr + unknown.stdout


def test_not_before_its_predecessors(verify: Callable[..., Any], sql: Sql) -> None:
    sql("DELETE FROM ops_job_run WHERE job = 'build_aggregates'")
    assert verify().exit_code == 75
    forced = verify("--force")
    assert forced.exit_code == 65
    assert check(forced, "night", "predecessors")["measured"] == "build_aggregates has not run"


@pytest.fixture
def inbox() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A URL that takes messages, and the messages that it took."""
    taken: list[dict[str, Any]] = []

    class Inbox(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append({"severity": self.path.strip("/"), **json.loads(body)})
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Inbox)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"json://127.0.0.1:{server.server_port}", taken
    server.shutdown()
    server.server_close()


def test_people_are_told_once_a_severity(
    verify: Callable[..., Any], sql: Sql, inbox: tuple[str, list[dict[str, Any]]]
) -> None:
    url, taken = inbox
    notify = {f"NOTIFY_{one}": f"{url}/{one}" for one in ("CRITICAL", "WARNING", "INFO")}
    sql("INSERT INTO fact_sale VALUES ('2026-11-02', 1, '2026-11-02 05:00:00', 99, 2000)")
    sql("TRUNCATE TABLE ops_backup")
    assert verify("--no-notify", **notify).exit_code == 65
    assert taken == []
    assert verify(**notify).exit_code == 65
    messages = {one["severity"]: one for one in taken}
    assert len(taken) == 3
    assert messages["CRITICAL"]["title"] == "verify CRITICAL: 3 findings in the night of 2026-11-01"
    body = messages["CRITICAL"]["message"]
    assert "CRITICAL fact_sale unique(sale_id): 2 of 3 rows: sale_id is not unique" in body
    assert "next: ./run verify --only fact_sale" in body
    assert "no backup this night" in messages["WARNING"]["message"]
    summary = messages["INFO"]["message"]
    assert "load_facts: done, 1 min 40 s" in summary
    assert "fact_sale: 2 loaded, 0 in quarantine" in summary
    assert "backup: none" in summary
    assert "99" not in body + summary
