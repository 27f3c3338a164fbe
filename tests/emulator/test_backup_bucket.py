"""BACKUP and RESTORE through a bucket: the same layout as in a folder, nothing half is seen, no secret is shown."""

from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest

from emulator.server import Server
from tests.emulator.loading import Client, client, wait_for
from tests.jobs.bucket_server import SECRET, Bucket, opened, repository

LOCATION = "s3://store/nightly/dw"
ROOT = "nightly/dw/__starrocks_repository_repo"


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with opened("store") as bucket:
        yield bucket


@pytest.fixture
def dw(tmp_path: Path, bucket: Bucket) -> Iterator[Client]:
    with Server(data=tmp_path / "data", async_delay_ms=0) as server, client(server) as found:
        filled(found, bucket)
        yield found


def filled(dw: Client, bucket: Bucket) -> None:
    dw.sql("create table t (k int) duplicate key (k) distributed by hash (k) properties ('replication_num' = '1')")
    dw.sql("insert into t values (1), (2), (3)")
    dw.sql("create view v as select k from t where k > 1")
    dw.sql(repository(bucket, "repo", LOCATION))


def status(dw: Client, kind: str) -> tuple[str, str]:
    """State and status of the job when it has ended."""
    jobs = wait_for(lambda: dw.named(f"show {kind}"), lambda rows: rows[0]["State"] in ("FINISHED", "CANCELLED"))
    return jobs[0]["State"], jobs[0]["Status"]


def refused(dw: Client, text: str) -> tuple[int, str]:
    with pytest.raises(pymysql.MySQLError) as caught:
        dw.sql(text)
    assert SECRET not in str(caught.value)
    return caught.value.args[0], caught.value.args[1]


def test_a_backup_comes_back(dw: Client, bucket: Bucket) -> None:
    dw.sql("backup snapshot dw.s1 to repo")
    assert status(dw, "backup") == ("FINISHED", "[OK]")
    (snapshot,) = dw.named("show snapshot on repo")
    names = [key.removeprefix(f"{ROOT}/") for key in sorted(bucket.files)]
    assert names[0] == "__repo_info"
    assert names[1].startswith("__ss_s1/__info_20")
    assert [Path(name).suffix for name in names[2:]] == [".parquet"]
    dw.sql("drop table t force")
    dw.sql("drop view v")
    timestamp = snapshot["Timestamp"]
    dw.sql(f'restore snapshot dw.s1 from repo properties ("backup_timestamp" = "{timestamp}", "replication_num" = "1")')
    assert status(dw, "restore") == ("FINISHED", "[OK]")
    assert dw.sql("select * from t order by k") == [(1,), (2,), (3,)]
    assert dw.sql("select * from v order by k") == [(2,), (3,)]
    assert refused(dw, "backup snapshot dw.s1 to repo") == (
        5064,
        "Snapshot with name 's1' already exist in repository",
    )


def test_more_snapshots_than_a_page_of_the_listing(dw: Client) -> None:
    for number in range(4):
        dw.sql(f"backup snapshot dw.s{number} to repo on (t)")
        assert status(dw, "backup")[0] == "FINISHED"
    assert [row["Snapshot"] for row in dw.named("show snapshot on repo")] == ["s0", "s1", "s2", "s3"]


def test_a_large_table_goes_in_parts(dw: Client, bucket: Bucket) -> None:
    dw.sql("create table big (k bigint, s string) duplicate key (k) distributed by hash (k)")
    dw.sql(
        "insert into big select generate_series, concat(md5(cast(generate_series as string)),"
        " md5(cast(generate_series * 7 as string))) from table(generate_series(1, 200000))"
    )
    dw.sql("backup snapshot dw.large to repo on (big)")
    assert status(dw, "backup") == ("FINISHED", "[OK]")
    assert max(len(data) for data in bucket.files.values()) > 5 * 1024 * 1024
    before = dw.sql("select count(*), sum(crc32(s)) from big")
    dw.sql("truncate table big")
    (snapshot,) = dw.named("show snapshot on repo")
    timestamp = snapshot["Timestamp"]
    dw.sql(f'restore snapshot large from repo properties ("backup_timestamp" = "{timestamp}", "replication_num" = "1")')
    assert status(dw, "restore") == ("FINISHED", "[OK]")
    assert dw.sql("select count(*), sum(crc32(s)) from big") == before


def test_a_cancelled_backup_leaves_nothing(tmp_path: Path, bucket: Bucket) -> None:
    with Server(data=tmp_path / "data", async_delay_ms=200) as server, client(server) as dw:
        filled(dw, bucket)
        dw.sql("backup snapshot dw.s1 to repo")
        wait_for(lambda: dw.named("show backup"), lambda rows: rows[0]["State"] == "SAVE_META")
        assert [Path(key).suffix for key in bucket.files if "__ss_" in key] == [".parquet"]
        assert dw.sql("show snapshot on repo") == []
        dw.sql("cancel backup from dw")
        assert status(dw, "backup")[0] == "CANCELLED"
        assert list(bucket.files) == [f"{ROOT}/__repo_info"]


def test_a_store_that_no_longer_lets_us_in(dw: Client, bucket: Bucket) -> None:
    dw.sql("backup snapshot dw.s1 to repo")
    assert status(dw, "backup")[0] == "FINISHED"
    timestamp = dw.named("show snapshot on repo")[0]["Timestamp"]
    bucket.key_id = "another"
    (row,) = dw.named("show repositories")
    assert "failed to check remote path exist" in row["ErrMsg"]
    assert "AccessDenied" in row["ErrMsg"]
    code, message = refused(dw, "show snapshot on repo")
    assert (code, "Failed to list snapshot in repo: repo, err: " in message) == (1064, True)
    (details,) = dw.named("show snapshot on repo where snapshot = 's1'")
    assert details["Status"].startswith("ERROR: Failed to get info: ")
    assert refused(dw, "backup snapshot dw.s2 to repo")[0] == 5064
    code, message = refused(dw, f'restore snapshot s1 from repo properties ("backup_timestamp" = "{timestamp}")')
    assert (code, message.startswith("Failed to get info of snapshot 's1' because: ")) == (5064, True)


def test_a_store_that_fails_while_a_job_runs(tmp_path: Path, bucket: Bucket) -> None:
    with Server(data=tmp_path / "data", async_delay_ms=150) as server, client(server) as dw:
        filled(dw, bucket)
        dw.sql("backup snapshot dw.s1 to repo")
        bucket.key_id = "another"
        state, told = status(dw, "backup")
        assert (state, told.startswith("[COMMON_ERROR, msg: ")) == ("CANCELLED", True)
        assert "AccessDenied" in told
        assert SECRET not in told
        bucket.key_id = "KEYID"
        assert dw.sql("show snapshot on repo") == []
        assert dw.sql("select count(*) from t") == [(3,)]


def test_a_repository_is_not_made_in_a_bucket_that_is_not_there(dw: Client, bucket: Bucket) -> None:
    code, message = refused(dw, repository(bucket, "other", "s3a://nowhere/x"))
    assert (code, message.startswith("Failed to create repository: ")) == (5064, True)
    assert [row["RepoName"] for row in dw.named("show repositories")] == ["repo"]


def test_another_server_finds_the_snapshots(dw: Client, bucket: Bucket, tmp_path: Path) -> None:
    dw.sql("backup snapshot dw.s1 to repo on (t)")
    assert status(dw, "backup")[0] == "FINISHED"
    with Server(data=tmp_path / "other", async_delay_ms=0) as server, client(server) as other:
        other.sql(repository(bucket, "repo", LOCATION).replace("CREATE", "CREATE READ ONLY"))
        timestamp = other.named("show snapshot on repo")[0]["Timestamp"]
        other.sql(
            f'restore snapshot s1 from repo properties ("backup_timestamp" = "{timestamp}", "replication_num" = "1")'
        )
        assert status(other, "restore")[0] == "FINISHED"
        assert other.sql("select sum(k) from t") == [(6,)]


def test_no_secret_is_shown(dw: Client) -> None:
    (row,) = dw.named("show repositories")
    assert (row["Location"], row["ErrMsg"]) == (LOCATION, "NULL")
    shown = [row, *dw.named("show full processlist")]
    assert all(SECRET not in str(value) for each in shown for value in each.values())
