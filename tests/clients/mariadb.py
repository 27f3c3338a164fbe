# /// script
# dependencies = ["pymysql==1.2.4"]
# [tool.client]
# programs = ["mariadb"]
# runs = "scripts, batch and table output, --force, a wrong password"
# ///
"""The MariaDB command line."""

import subprocess

from programme import HOST, PORT, check, rows, run

SCRIPT = """
create database cli; use cli; -- a remark
create table t (k int not null comment 'the key', s varchar(20) default 'x') primary key (k) distributed by hash (k);
insert into t values (1, 'one'), (2, null), (3, default);
"""


def mariadb(*options: str, script: str = "") -> subprocess.CompletedProcess[str]:
    command = ["mariadb", f"-h{HOST}", f"-P{PORT}", "-uroot", "--skip-ssl", *options]
    return subprocess.run(command, input=script, capture_output=True, text=True, timeout=30)


def said(*options: str, script: str = "") -> str:
    done = mariadb(*options, script=script)
    assert done.returncode == 0, done.stderr
    return done.stdout


@check
def a_script_from_stdin() -> None:
    said(script=SCRIPT)
    assert rows("select * from cli.t order by k") == [(1, "one"), (2, None), (3, "x")]


@check
def batch_output() -> None:
    assert said("-Dcli", "-e", "select * from t order by k; show tables") == (
        "k\ts\n1\tone\n2\tNULL\n3\tx\nTables_in_cli\nt\n"
    )


@check
def table_output() -> None:
    printed = said("-t", "-Dcli", "-e", "select k, s from t where k < 3 order by k")
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines() if "|" in line]
    assert cells == [["k", "s"], ["1", "one"], ["2", "NULL"]], printed


@check
def describe_and_show() -> None:
    assert said("-Dcli", "-e", "desc t").splitlines() == [
        "Field\tType\tNull\tKey\tDefault\tExtra", "k\tint\tNO\ttrue\tNULL\t", "s\tvarchar(20)\tYES\tfalse\tx\t",
    ]  # fmt: skip
    assert "PRIMARY KEY(`k`)" in said("-N", "-Dcli", "-e", "show create table t")
    assert said("-N", "-e", "show databases like 'cli'") == "cli\n"


@check
def an_error_ends_a_script_and_force_goes_on() -> None:
    script = "delete from t where k = 1; select nothing from t; delete from t where k = 2;"
    done = mariadb("-Dcli", script=script)
    assert done.returncode == 1 and "ERROR 1064 (HY000)" in done.stderr, done.stderr
    assert rows("select k from cli.t order by k") == [(2,), (3,)]
    assert mariadb("-Dcli", "--force", script=script).stderr.count("ERROR") == 1
    assert rows("select k from cli.t order by k") == [(3,)]


@check
def a_wrong_password_is_refused() -> None:
    done = mariadb("-pwrong", "-e", "select 1")
    assert done.returncode == 1 and "ERROR 1045 (28000)" in done.stderr, done.stderr


if __name__ == "__main__":
    run()
