"""Stream Load through HTTP: what is loaded, what is filtered, what is answered."""

import gzip
import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
import requests
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.server import Server
from tests.emulator.loading import Client, client

NO_ROWS = "No rows were imported from upstream."


@pytest.fixture
def dw(server: Server) -> Iterator[Client]:
    with client(server) as found:
        found.sql("drop table if exists t force")
        found.sql(
            "create table t (id bigint not null, name varchar(5), d date, n int not null default '7', price"
            " decimal(10, 2))"
            " primary key (id) distributed by hash(id) properties ('replication_num' = '1')"
        )
        yield found


def test_a_load_is_committed_visible_and_answered(dw: Client) -> None:
    answer = dw.csv("t", "1,ab,2026-01-02,3,1.50\n2,\\N,\\N,4,\\N\n", label="first-load")
    assert list(answer) == [
        "TxnId", "Label", "Db", "Table", "Status", "Message", "NumberTotalRows", "NumberLoadedRows",
        "NumberFilteredRows", "NumberUnselectedRows",
        "LoadBytes", "LoadTimeMs", "BeginTxnTimeMs", "StreamLoadPlanTimeMs", "ReadDataTimeMs",
        "WriteDataTimeMs", "CommitAndPublishTimeMs",
    ]  # fmt: skip
    assert (answer["Status"], answer["Message"], answer["NumberLoadedRows"], answer["LoadBytes"]) == (
        "Success",
        "OK",
        2,
        36,
    )
    assert [tuple(map(str, row)) for row in dw.sql("select * from t order by id")] == [
        ("1", "ab", "2026-01-02", "3", "1.50"),
        ("2", "None", "None", "4", "None"),
    ]
    assert dw.state("first-load") == "VISIBLE"


def test_a_label_is_used_once_and_free_after_a_failure(dw: Client) -> None:
    assert dw.csv("t", "1,a,bad,x\n", label="again")["Status"] == "Fail"
    assert dw.state("again") == "ABORTED"
    assert dw.csv("t", "1,a,2026-01-01,1,1\n", label="again")["Status"] == "Success"
    answer = dw.csv("t", "2,a,2026-01-01,1,1\n", label="again")
    assert (answer["TxnId"], answer["Status"], answer["ExistingJobStatus"]) == (-1, "Label Already Exists", "FINISHED")
    assert answer["Message"] == "Label [again] has already been used."
    assert dw.sql("select id from t") == [(1,)]
    assert dw.state("never-seen") == "UNKNOWN"


def test_bad_values_are_null_without_strict_mode_and_filtered_with_it(dw: Client) -> None:
    rows = "1,toolong,2026-13-01,1,1\n2,ok,2026-01-01,1,abc\n3,ok,2026-01-01,99999999999,1\n"
    assert dw.csv("t", rows)["Message"] == "too many filtered rows"  # n is NOT NULL
    answer = dw.csv("t", rows, max_filter_ratio="0.5")
    assert (answer["Status"], answer["NumberLoadedRows"], answer["NumberFilteredRows"]) == ("Success", 2, 1)
    assert dw.sql("select id, name, d, price from t order by id") == [
        (1, None, None, 1),
        (2, "ok", date(2026, 1, 1), None),
    ]
    strict = dw.csv("t", rows, strict_mode="true", max_filter_ratio="1")
    assert (strict["Status"], strict["NumberFilteredRows"]) == ("Fail", 3)
    assert strict["Message"].startswith(NO_ROWS)


def test_the_error_log_names_each_row_and_reason(dw: Client) -> None:
    rows = "1,a\n2,toolong,2026-01-01,1,1\n3,a,2026-01-01,\\N,1\n"
    answer = dw.csv("t", rows, strict_mode="true", label="with-log")
    assert answer["Message"] == "too many filtered rows"
    lines = requests.get(answer["ErrorURL"], timeout=10).text.splitlines()
    assert lines == [
        "Error: Target column count: 5 doesn't match source value column count: 2. Column separator: ',', "
        "Row delimiter: '\\n'. Row: 1,a",
        "Error: The field (name = name, pos = 1) is out of range. Type: VARCHAR(5), Value length: 7, Value: toolong. "
        "Row: 2,toolong,2026-01-01,1,1",
        "Error: NULL value in non-nullable column 'n'. Row: 3,a,2026-01-01,1",
    ]
    logs = dw.sql("select tracking_log from information_schema.load_tracking_logs where label = 'with-log'")
    assert logs[0][0].splitlines() == lines
    row = dw.named("select * from information_schema.loads where label = 'with-log'")[0]
    assert (row["STATE"], row["TABLE_NAME"], row["FILTERED_ROWS"]) == ("CANCELLED", "t", 3)


def test_invalid_utf8_is_a_filtered_row(dw: Client) -> None:
    answer = dw.load("t", b"1,a\xff,2026-01-01,1,1\n2,b,2026-01-01,1,1\n", column_separator=",", max_filter_ratio="0.5")
    assert (answer["NumberLoadedRows"], answer["NumberFilteredRows"]) == (1, 1)
    assert "Invalid UTF-8 row" in requests.get(answer["ErrorURL"], timeout=10).text


def test_no_rows_is_a_failure(dw: Client) -> None:
    assert dw.csv("t", "")["Message"].startswith(NO_ROWS)
    answer = dw.csv("t", "1,a,2026-01-01,1,1\n", where="id > 5")
    assert (answer["Status"], answer["NumberUnselectedRows"]) == ("Fail", 1)
    assert answer["Message"].startswith(NO_ROWS)


def test_where_leaves_rows_out_without_counting_them_as_bad(dw: Client) -> None:
    answer = dw.csv("t", "1,a,2026-01-01,1,1\n9,b,2026-01-01,1,1\n", where="id > 5")
    assert (answer["Status"], answer["NumberLoadedRows"], answer["NumberUnselectedRows"]) == ("Success", 1, 1)
    assert dw.sql("select id from t") == [(9,)]


def test_columns_with_temporaries_and_expressions(dw: Client) -> None:
    columns = "id, ts, name = concat('n', id), d = to_date(to_datetime_ntz(ts, 3)), price = id * 1.5"
    assert dw.csv("t", "4,1700000000123\n", columns=columns)["Message"] == "OK"
    assert [tuple(map(str, row)) for row in dw.sql("select * from t")] == [("4", "n4", "2023-11-14", "7", "6.00")]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("id, id", "Duplicate column: id"),
        ("id, n = 1, n = 2", "Duplicate column mapping: n"),
        ("id, x = 1", "Mapping column is not in table. column: x"),
        ("name", "Column has no default value. column: id"),
        (
            "id, name = foo",
            "Referenced column 'foo' in expr 'foo' can't be found in column list, derived column is 'name'",
        ),
    ],
)
def test_wrong_columns_are_told_before_the_body_is_read(dw: Client, columns: str, message: str) -> None:
    assert dw.csv("t", "1,2\n", columns=columns)["Message"] == message


def test_time_functions_follow_the_time_zone_header_and_default_to_shanghai(dw: Client) -> None:
    dw.sql("drop table if exists z")
    dw.sql("create table z (id int, t datetime) duplicate key (id) distributed by hash(id)")
    columns = "id, s, t = from_unixtime(s)"
    dw.csv("z", "1,0\n", columns=columns)
    dw.csv("z", "2,0\n", columns=columns, timezone="UTC")
    dw.csv("z", "3,0\n", columns=columns, timezone="+03:00")
    assert [str(row[0]) for row in dw.sql("select t from z order by id")] == [
        "1970-01-01 08:00:00",
        "1970-01-01 00:00:00",
        "1970-01-01 03:00:00",
    ]
    assert dw.csv("z", "1,0\n", timezone="Nowhere")["Message"] == "Unknown or incorrect time zone: 'Nowhere'"


def test_the_last_row_of_a_key_wins(dw: Client) -> None:
    dw.csv("t", "".join(f"1,v{at},2026-01-01,{at},1\n" for at in range(3000)))
    assert dw.sql("select id, n from t") == [(1, 2999)]


def test_op_deletes_and_upserts(dw: Client) -> None:
    dw.csv("t", "1,a,2026-01-01,1,1\n2,b,2026-01-01,1,1\n")
    assert dw.csv("t", "1,1\n3,0\n", columns="id, __op")["Status"] == "Success"
    assert dw.sql("select id from t order by id") == [(2,), (3,)]
    assert dw.csv("t", "2\n", columns="id, __op = 'delete'")["Status"] == "Success"
    assert dw.sql("select id from t") == [(3,)]
    assert dw.json("t", '{"id": 3, "__op": 1}{"id": 4, "n": 1}')["Status"] == "Success"
    assert dw.sql("select id from t") == [(4,)]


def test_partial_update_keeps_the_other_columns(dw: Client) -> None:
    dw.csv("t", "1,a,2026-01-01,1,1\n")
    assert dw.csv("t", "1,zz\n2,yy\n", columns="ID, name", partial_update="true")["Status"] == "Success"
    assert dw.sql("select id, name, n from t order by id") == [(1, "zz", 1), (2, "yy", 7)]
    message = dw.csv("t", "zz\n", columns="name", partial_update="true")["Message"]
    assert message == "key column id not in partial update columns"


def test_merge_condition_keeps_what_is_newer(dw: Client) -> None:
    dw.csv("t", "1,a,2026-01-01,5,1\n2,a,2026-01-01,5,1\n")
    dw.csv("t", "1,old,2026-01-01,4,1\n2,new,2026-01-01,5,1\n", merge_condition="n")
    assert dw.sql("select id, name from t order by id") == [(1, "a"), (2, "new")]
    assert (
        dw.csv("t", "1,a,2026-01-01,5,1\n", merge_condition="id")["Message"]
        == "Merge condition column id should not be primary key!"
    )
    assert "invalid type" in dw.csv("t", "1,a,2026-01-01,5,1\n", merge_condition="name")["Message"]


def test_json_numbers_arrive_exact(dw: Client) -> None:
    dw.sql("drop table if exists j")
    dw.sql(
        "create table j (id largeint, price decimal(38, 18), name varchar(50), doc json) duplicate key (id)"
        " distributed by hash(id)"
    )
    numbers = '"id": 18446744073709551615, "price": 12345678901234567.123456789012345678'
    body = "[{" + numbers + ', "name": "a\\n\\"é", "doc": {"b": [1, 2]}}]'
    assert dw.json("j", body, strip_outer_array="true")["Message"] == "OK"
    row = dw.sql("select id, price, name, doc from j")[0]
    assert row[:3] == ("18446744073709551615", Decimal("12345678901234567.123456789012345678"), 'a\n"é')
    assert json.loads(row[3]) == {"b": [1, 2]}


def test_json_keys_match_exactly_and_absent_ones_are_null(dw: Client) -> None:
    assert (
        dw.json("t", '{"id": 1, "NAME": "x", "n": 1, "unknown": 2}\n{"id": 2, "name": true, "n": "3"}')["Message"]
        == "OK"
    )
    assert dw.sql("select id, name, n, price from t order by id") == [(1, None, 1, None), (2, "1", 3, None)]


def test_jsonpaths_and_json_root(dw: Client) -> None:
    body = '{"data": [{"a": {"b": [10, 20]}, "k": 1}, {"k": 2}]}'
    answer = dw.json(
        "t",
        body,
        json_root="$.data",
        strip_outer_array="true",
        jsonpaths='["$.k", "$.a.b[1]"]',
        columns="id, x, n = ifnull(x, 0)",
    )
    assert answer["Message"] == "OK"
    assert dw.sql("select id, n from t order by id") == [(1, 20), (2, 0)]


@pytest.mark.parametrize(
    ("body", "strip", "start"),
    [
        ('[{"id": 1}]', "false", "The value is array type in json document stream, you can set strip_outer_array=true"),
        ('{"id": 1}', "true", "the value should be array type with strip_outer_array=true"),
        ("hello", "false", "illegal json started with [h]"),
        ('{"id": 1', "false", "Failed to iterate document stream as object. error: "),
    ],
)
def test_json_that_is_not_what_the_headers_promise(dw: Client, body: str, strip: str, start: str) -> None:
    answer = dw.json("t", body, strip_outer_array=strip)
    assert answer["Status"] == "Fail"
    assert answer["Message"].startswith(start)


def test_a_packed_body(dw: Client) -> None:
    packed = gzip.compress(b"1,a,2026-01-01,1,1\n") + gzip.compress(b"2,a,2026-01-01,1,1\n")
    assert dw.load("t", packed, format="gzip", column_separator=",")["NumberLoadedRows"] == 2
    assert dw.load("t", packed[:-4], format="gzip", column_separator=",")["Status"] == "Fail"
    packed = zstandard.compress(b"3,a,2026-01-01,1,1\n") + zstandard.compress(b"4,a,2026-01-01,1,1\n")
    assert dw.load("t", packed, format="zstd", column_separator=",")["NumberLoadedRows"] == 2
    assert dw.load("t", packed[:-4], format="zstd", column_separator=",")["Status"] == "Fail"
    refused = dw.load("t", packed, format="lz4", column_separator=",")["Message"]
    assert refused == "Stream Load with lz4 compression is not supported by the embedded server"


def test_header_enclose_and_lines_longer_than_usual(dw: Client) -> None:
    dw.sql("drop table if exists wide")
    dw.sql("create table wide (id int, note string) duplicate key (id) distributed by hash(id)")
    long = "x" * 60_000
    assert dw.csv("wide", f'id,note\n1,"{long},\n"\n', skip_header="1", enclose='"')["Message"] == "OK"
    assert dw.sql("select length(note) from wide") == [(60_002,)]
    huge = "1,a\n2," + "y" * 2_500_000 + "\n"
    answer = dw.csv("wide", huge, max_filter_ratio="0.5", strict_mode="true")
    assert (answer["NumberLoadedRows"], answer["NumberFilteredRows"]) == (1, 1)


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"format": "orc"}, "unknown data format, format=orc"),
        ({"strict_mode": "maybe"}, "Invalid strict mode format. Must be bool type"),
        ({"timeout": "soon"}, "Invalid timeout format"),
        ({"row_delimiter": "\\x1"}, "Invalid delimiter '\\x1: hex length must be a even number"),
        ({"negative": "true"}, "Stream Load header negative is not supported by the embedded server"),
        ({"label": "no spaces"}, "Label format error"),
        ({"format": "json", "partial_update": "x"}, "Invalid partial update flag format. Must be bool type"),
    ],
)
def test_wrong_headers(dw: Client, headers: dict[str, str], message: str) -> None:
    answer = dw.load("t", b"1\n", **headers)
    assert answer["Status"] == "Fail"
    assert message in answer["Message"]


def test_unknown_table_and_materialized_view(dw: Client) -> None:
    assert "Unknown table" in dw.csv("nothing", "1\n")["Message"]
    dw.sql("create materialized view if not exists mv refresh deferred manual as select id from t")
    assert dw.csv("mv", "1\n")["Message"].startswith("The data of 'mv' cannot be inserted")


def test_only_named_partitions_take_rows(dw: Client) -> None:
    dw.sql("drop table if exists parted")
    dw.sql(
        "create table parted (d date, v int) duplicate key (d) partition by date_trunc('day', d) distributed by hash(v)"
    )
    dw.csv("parted", "2026-01-01,1\n")
    answer = dw.csv("parted", "2026-01-01,2\n2026-01-02,3\n", partitions="p20260101", max_filter_ratio="0.5")
    assert (answer["NumberLoadedRows"], answer["NumberFilteredRows"]) == (1, 1)
    assert dw.sql("select v from parted order by v") == [(1,), (2,)]


TEXTS = st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\x01\x02"), max_size=8))


@given(rows=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=30).filter(lambda rows: "\\N" not in str(rows)))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_comes_back(dw: Client, rows: list[tuple[str | None, str | None]]) -> None:
    dw.sql("drop table if exists texts")
    dw.sql("create table texts (id int, a string, b string) duplicate key (id) distributed by hash(id)")
    lines = [(str(at), *("\\N" if value is None else value for value in row)) for at, row in enumerate(rows)]
    body = "".join("\x01".join(line) + "\x02" for line in lines).encode()
    answer = dw.load("texts", body, column_separator="\\x01", row_delimiter="\\x02", strict_mode="true")
    assert (answer["Message"], answer["NumberLoadedRows"]) == ("OK", len(rows))
    assert dw.sql("select a, b from texts order by id") == rows
