"""BACKUP and RESTORE to a file repository: states, contents, errors, restarts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest

from emulator.server import Server
from tests.emulator.loading import Client, client, wait_for

BACKUP_STATES = ["PENDING", "SNAPSHOTING", "UPLOAD_SNAPSHOT", "UPLOADING", "SAVE_META", "UPLOAD_INFO", "FINISHED"]
RESTORE_STATES = ["PENDING", "SNAPSHOTING", "DOWNLOAD", "DOWNLOADING", "COMMIT", "COMMITTING", "FINISHED"]
ONE_COPY = '"replication_num" = "1"'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(data=tmp_path / "data", async_delay_ms=0) as running:
        yield running


@pytest.fixture
def dw(server: Server, tmp_path: Path) -> Iterator[Client]:
    with client(server) as found:
        filled(found, tmp_path)
        yield found


def filled(dw: Client, tmp_path: Path) -> None:
    dw.sql(
        "create table t (d date, id bigint, name varchar(20)) duplicate key (d, id) partition by date_trunc('day', d)"
        f" distributed by hash(id) properties ({ONE_COPY})"
    )
    dw.csv("t", "2026-01-01,1,a\n2026-01-02,2,b\n2026-01-02,3,\\N\n")
    dw.sql("create view v as select id from t")
    dw.sql("create materialized view mv refresh deferred manual as select d, count(*) as c from t group by d")
    dw.sql("refresh materialized view mv with sync mode")
    dw.sql(f'create repository repo with broker on location "file://{tmp_path}/backups" properties ("a" = "b")')


def finished(dw: Client, kind: str, db: str = "dw") -> dict[str, Any]:
    """The job when it has ended."""
    jobs = wait_for(
        lambda: dw.named(f"show {kind} from {db}"), lambda rows: rows[0]["State"] in ("FINISHED", "CANCELLED")
    )
    return jobs[0]


def backed_up(dw: Client, label: str, what: str = "") -> str:
    """Make a snapshot; give its timestamp."""
    dw.sql(f"backup snapshot dw.{label} to repo {what}")
    job = finished(dw, "backup")
    assert (job["SnapshotName"], job["State"], job["Status"]) == (label, "FINISHED", "[OK]")
    return str(dw.named(f"show snapshot on repo where snapshot = '{label}'")[0]["Timestamp"])


def refused(dw: Client, text: str) -> tuple[int, str]:
    with pytest.raises(pymysql.MySQLError) as caught:
        dw.sql(text)
    return caught.value.args[0], caught.value.args[1].removeprefix("Getting analyzing error. Detail message: ")


def test_every_value_comes_back_as_it_was(dw: Client) -> None:
    dw.sql(
        "create table w (k int, l largeint, d decimal(38, 9), f double, t datetime, j json, b boolean, s string,"
        f" a array<largeint>) duplicate key (k) distributed by hash (k) properties ({ONE_COPY})"
    )
    dw.sql(
        "insert into w values (2, -18446744073709551615, null, null, null, null, null, '', null), (1,"
        " 170141183460469231731687303715884105727, 12345678901234567890123456789.123456789, 0.1,"
        """ '2026-01-01 00:00:00.000001', parse_json('{"a": 1.10}'), true, 'a b', [18446744073709551614])"""
    )
    before = dw.sql("select * from w order by k")
    stamp = backed_up(dw, "s1", "on (table w)")
    dw.sql("drop table w force")
    dw.sql(f'restore snapshot dw.s1 from repo on (table w) properties ("backup_timestamp" = "{stamp}", {ONE_COPY})')
    assert finished(dw, "restore")["State"] == "FINISHED"
    assert dw.sql("select * from w order by k") == before
    assert int(before[0][1]) == 2**127 - 1


def test_states_are_seen_in_their_order(tmp_path: Path) -> None:
    with Server(data=tmp_path / "data", async_delay_ms=60) as server, client(server) as dw:
        filled(dw, tmp_path)
        for kind, statement, expected in (
            ("backup", "backup snapshot dw.s1 to repo", BACKUP_STATES),
            ("restore", "restore snapshot s1 from repo on (table t as u) properties ({})", RESTORE_STATES),
        ):
            stamp = dw.named("show snapshot on repo")[0]["Timestamp"] if kind == "restore" else ""
            dw.sql(statement.format(f'"backup_timestamp" = "{stamp}", {ONE_COPY}'))
            busy = refused(dw, "backup snapshot dw.s2 to repo")
            assert busy == (5064, "Can only run one backup or restore job of a database at same time")
            seen: list[str] = []
            while not seen or seen[-1] not in ("FINISHED", "CANCELLED"):
                state = dw.named(f"show {kind}")[0]["State"]
                seen += [state] if state not in seen else []
            assert seen == expected


def test_a_snapshot_holds_the_database_and_no_more(dw: Client) -> None:
    assert dw.sql("show backup") == []
    stamp = backed_up(dw, "s1")
    job = dw.named("show backup")[0]
    assert list(job) == [
        "JobId", "SnapshotName", "DbName", "State", "BackupObjs", "CreateTime", "SnapshotFinishedTime",
        "UploadFinishedTime", "FinishedTime", "UnfinishedTasks", "Progress", "TaskErrMsg", "Status", "Timeout",
    ]  # fmt: skip
    assert dw.named("show snapshot on repo") == [{"Snapshot": "s1", "Timestamp": stamp, "Status": "OK"}]
    details = json.loads(dw.named("show snapshot on repo where snapshot = 's1'")[0]["Details"])
    assert sorted(each["name"] for each in details["tables"]) == ["mv", "t", "v"]
    assert refused(dw, "backup snapshot dw.s1 to repo") == (5064, "Snapshot with name 's1' already exist in repository")


def test_a_database_comes_back_under_another_name(dw: Client) -> None:
    stamp = backed_up(dw, "s1")
    properties = f'properties ("backup_timestamp" = "{stamp}", {ONE_COPY})'
    dw.sql(f"restore snapshot s1 from repo database dw as copy {properties}")
    assert finished(dw, "restore", "copy")["State"] == "FINISHED"
    assert dw.sql("select * from copy.t order by id") == dw.sql("select * from dw.t order by id")
    assert dw.sql("select * from copy.mv order by d") == dw.sql("select * from dw.mv order by d")
    assert dw.sql("select count(*) from copy.v") == [(3,)]
    found = dw.named("select * from information_schema.materialized_views where table_schema = 'copy'")[0]
    assert (found["IS_ACTIVE"], "in backup" in found["INACTIVE_REASON"]) == ("false", True)


def test_partitions_are_replaced_and_others_stay(dw: Client) -> None:
    stamp = backed_up(dw, "s1")
    properties = f'properties ("backup_timestamp" = "{stamp}", {ONE_COPY})'
    dw.csv("t", "2026-01-01,10,x\n2026-01-02,20,y\n")
    dw.sql(f"restore snapshot s1 from repo on (table t partition (p20260102)) {properties}")
    assert finished(dw, "restore")["State"] == "FINISHED"
    assert dw.sql("select id from t order by id") == [(1,), (2,), (3,), (10,)]
    dw.sql(f"restore snapshot s1 from repo on (table t as t_restored) {properties}")
    assert finished(dw, "restore")["RestoreObjs"] == '{"t": "t_restored"}'
    assert dw.sql("select id from t_restored order by id") == [(1,), (2,), (3,)]


def test_a_backup_of_one_partition(dw: Client) -> None:
    stamp = backed_up(dw, "part", "on (t partition (p20260101))")
    dw.sql(f'restore snapshot part from repo on (t as one) properties ("backup_timestamp" = "{stamp}", {ONE_COPY})')
    assert finished(dw, "restore")["State"] == "FINISHED"
    assert dw.sql("select id from one") == [(1,)]


def test_another_schema_cancels_the_restore(dw: Client) -> None:
    stamp = backed_up(dw, "s1", "on (table t)")
    dw.sql("create table other (d date, id bigint, name varchar(30)) duplicate key (d, id)"
           " partition by date_trunc('day', d) distributed by hash(id)")  # fmt: skip
    dw.sql(
        f'restore snapshot s1 from repo on (table t as other) properties ("backup_timestamp" = "{stamp}", {ONE_COPY})'
    )
    job = finished(dw, "restore")
    assert job["State"] == "CANCELLED"
    assert job["Status"] == "[COMMON_ERROR, msg: Table other already exist but with different schema, column: name]"


def test_three_copies_do_not_fit_on_one_backend(dw: Client) -> None:
    stamp = backed_up(dw, "s1", "on (table t)")
    dw.sql(f'restore snapshot s1 from repo on (table t as u) properties ("backup_timestamp" = "{stamp}")')
    job = finished(dw, "restore")
    assert (job["State"], job["ReplicationNum"]) == ("CANCELLED", "3")
    assert job["Status"] == "[COMMON_ERROR, msg: failed to find 3 different hosts to create table: t]"


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("restore snapshot s1 from repo", 5064, "Missing backup_timestamp property."),
        ("restore snapshot s1 from nowhere properties ('backup_timestamp' = 'x')", 5064,
         "Repository [nowhere] does not exist."),
        (
            "restore snapshot s1 from repo properties ('backup_timestamp' = 'x')", 5064,
            "Failed to get info of snapshot 's1' because: snapshot does not exist. Maybe specified wrong backup"
            " timestamp",
        ),
        ("backup snapshot dw.s to repo properties ('timeout' = '60')", 5064, "timeout must be at least 10 min."),
        ("backup snapshot dw.s to repo on (table nope)", 1064, "Incorrect table name 'nope'."),
        ("backup snapshot dw.s to repo on (table t, table t)", 1064, "Duplicated table: t."),
        ("drop repository nowhere", 5064, "Repository does not exist."),
        ("cancel backup", 5064, "No backup job is currently running"),
        (
            "create repository s3 with broker on location 's3://bucket/x' properties ('a' = 'b')", 1235,
            "REPOSITORY on LOCATION 's3://bucket/x' without aws.s3.access_key and aws.s3.secret_key is not supported by"
            " the embedded StarRocks server",
        ),
        (
            "create repository s3 with broker on location 'hdfs://there/x' properties ('a' = 'b')", 1235,
            "REPOSITORY on LOCATION 'hdfs://there/x' (only file://, s3:// and s3a:// are) is not supported by the"
            " embedded StarRocks server",
        ),
        ("create repository repo with broker on location 'file:///tmp/x'", 5064,
         "repository with same name already exist: repo"),
    ],
)  # fmt: skip
def test_refusals(dw: Client, text: str, code: int, message: str) -> None:
    assert refused(dw, text) == (code, message)


def test_cancel_leaves_nothing_behind(tmp_path: Path) -> None:
    with Server(data=tmp_path / "data", async_delay_ms=300) as server, client(server) as dw:
        filled(dw, tmp_path)
        dw.sql("backup snapshot dw.s1 to repo")
        dw.sql("cancel backup from dw")
        job = finished(dw, "backup")
        assert (job["State"], "user cancelled" in job["Status"]) == ("CANCELLED", True)
        assert dw.sql("show snapshot on repo") == []


def test_a_table_is_closed_while_it_is_restored(tmp_path: Path) -> None:
    with Server(data=tmp_path / "data", async_delay_ms=150) as server, client(server) as dw:
        filled(dw, tmp_path)
        stamp = backed_up(dw, "s1", "on (table t)")
        dw.sql(f"""restore snapshot dw.s1 from repo properties ("backup_timestamp" = "{stamp}", {ONE_COPY})""")
        wait_for(lambda: dw.named("show restore from dw"), lambda rows: rows[0]["State"] not in ("PENDING",))
        assert refused(dw, "insert into t values ('2026-01-05', 5, 'e')") == (
            1064,
            'Cannot write RESTORE state table "t"',
        )
        assert refused(dw, "select * from t") == (
            5014,
            "Table state is not NORMAL: 'RESTORING'.",
        )
        assert refused(dw, "restore snapshot dw.s1 from repo")[0] == 5064
        assert finished(dw, "restore")["State"] == "FINISHED"
        dw.sql("insert into t values ('2026-01-05', 5, 'e')")
        assert dw.sql("select count(*) from t") == [(4,)]


def test_a_cancelled_restore_opens_the_table_again(tmp_path: Path) -> None:
    with Server(data=tmp_path / "data", async_delay_ms=300) as server, client(server) as dw:
        filled(dw, tmp_path)
        stamp = backed_up(dw, "s1", "on (table t)")
        dw.sql("delete from t where id = 1")
        dw.sql(f"""restore snapshot dw.s1 from repo properties ("backup_timestamp" = "{stamp}", {ONE_COPY})""")
        wait_for(lambda: dw.named("show restore from dw"), lambda rows: rows[0]["State"] == "DOWNLOADING")
        dw.sql("cancel restore from dw")
        assert finished(dw, "restore")["State"] == "CANCELLED"
        assert sorted(dw.sql("select id from t")) == [(2,), (3,)]


def test_a_job_that_a_stop_cut_off_is_done_after_the_start(tmp_path: Path) -> None:
    with Server(data=tmp_path / "data", async_delay_ms=200) as server, client(server) as dw:
        filled(dw, tmp_path)
        dw.sql("backup snapshot dw.s1 to repo")
    with Server(data=tmp_path / "data", async_delay_ms=0) as server, client(server) as dw:
        assert finished(dw, "backup")["State"] == "FINISHED"
        assert [row["Snapshot"] for row in dw.named("show snapshot on repo")] == ["s1"]
        assert dw.named("show repositories")[0]["RepoName"] == "repo"


def test_a_damaged_file_is_not_restored(dw: Client, tmp_path: Path) -> None:
    stamp = backed_up(dw, "s1", "on (table t)")
    file = next(tmp_path.rglob("*.parquet"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)
    dw.sql(f'restore snapshot s1 from repo on (table t as u) properties ("backup_timestamp" = "{stamp}", {ONE_COPY})')
    job = finished(dw, "restore")
    assert (job["State"], "md5sum mismatch" in job["Status"]) == ("CANCELLED", True)
    assert dw.sql("show tables like 'u'") == []
