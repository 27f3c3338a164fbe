# /// script
# dependencies = [
#     "dbt-starrocks==1.12.2", "dbt-core==1.11.16", "dbt-tests-adapter==1.20.0", "pytest==8.4.2", "pymysql==1.2.4",
# ]
# [tool.client]
# package = "dbt-starrocks"
# runs = "dbt's own test suite for adapters, and StarRocks' incremental strategies, indexes, views, tasks"
# seconds = 900
# ///
"""dbt with the adapter dbt-starrocks: dbt-tests-adapter holds the tests that every adapter has to pass."""

import os
import sys
from typing import Any, ClassVar

import pytest
from dbt.tests.adapter.aliases.test_aliases import BaseAliasErrors
from dbt.tests.adapter.basic.test_adapter_methods import BaseAdapterMethod
from dbt.tests.adapter.basic.test_base import BaseSimpleMaterializations
from dbt.tests.adapter.basic.test_empty import BaseEmpty
from dbt.tests.adapter.basic.test_ephemeral import BaseEphemeral
from dbt.tests.adapter.basic.test_generic_tests import BaseGenericTests
from dbt.tests.adapter.basic.test_incremental import BaseIncremental, BaseIncrementalNotSchemaChange
from dbt.tests.adapter.basic.test_singular_tests import BaseSingularTests
from dbt.tests.adapter.basic.test_singular_tests_ephemeral import BaseSingularTestsEphemeral
from dbt.tests.adapter.basic.test_table_materialization import BaseTableMaterialization
from dbt.tests.adapter.basic.test_validate_connection import BaseValidateConnection
from dbt.tests.adapter.concurrency.test_concurrency import BaseConcurrency
from dbt.tests.adapter.incremental.test_incremental_on_schema_change import BaseIncrementalOnSchemaChange
from dbt.tests.adapter.relations.test_changing_relation_type import BaseChangeRelationTypeValidator
from dbt.tests.adapter.utils.test_any_value import BaseAnyValue
from dbt.tests.adapter.utils.test_bool_or import BaseBoolOr
from dbt.tests.adapter.utils.test_concat import BaseConcat
from dbt.tests.adapter.utils.test_date_trunc import BaseDateTrunc
from dbt.tests.adapter.utils.test_dateadd import BaseDateAdd
from dbt.tests.adapter.utils.test_except import BaseExcept
from dbt.tests.adapter.utils.test_hash import BaseHash
from dbt.tests.adapter.utils.test_intersect import BaseIntersect
from dbt.tests.adapter.utils.test_last_day import BaseLastDay
from dbt.tests.adapter.utils.test_length import BaseLength
from dbt.tests.adapter.utils.test_null_compare import BaseMixedNullCompare
from dbt.tests.adapter.utils.test_replace import BaseReplace
from dbt.tests.adapter.utils.test_right import BaseRight
from dbt.tests.adapter.utils.test_safe_cast import BaseSafeCast
from dbt.tests.adapter.utils.test_split_part import BaseSplitPart
from dbt.tests.adapter.utils.test_string_literal import BaseStringLiteral
from dbt.tests.util import relation_from_name, run_dbt
from programme import HOST, PORT, REFUSAL, result

# Written for every adapter by dbt; they make seeds and models, run them and compare tables in SQL.
ADAPTER_TESTS = (
    BaseAdapterMethod, BaseAliasErrors, BaseAnyValue, BaseBoolOr, BaseChangeRelationTypeValidator, BaseConcat,
    BaseConcurrency, BaseDateAdd, BaseDateTrunc, BaseEmpty, BaseEphemeral, BaseExcept, BaseGenericTests, BaseHash,
    BaseIncremental, BaseIncrementalNotSchemaChange, BaseIncrementalOnSchemaChange, BaseIntersect, BaseLastDay,
    BaseLength, BaseMixedNullCompare, BaseReplace, BaseRight, BaseSafeCast, BaseSimpleMaterializations,
    BaseSingularTests, BaseSingularTestsEphemeral, BaseSplitPart, BaseStringLiteral, BaseTableMaterialization,
    BaseValidateConnection,
)  # fmt: skip
for _each in ADAPTER_TESTS:
    globals()[_each.__name__.replace("Base", "Test")] = type(_each.__name__, (_each,), {})
del _each

DAYS = """{{ config(materialized='incremental', table_type='PRIMARY', keys=['day', 'id'],
    incremental_strategy='STRATEGY',
    partition_by=['day'], partition_type='Expr', distributed_by=['id'], properties={'replication_num': '1'}) }}
select cast('2026-01-01' as date) as day, cast(1 as bigint) as id, 'FIRST' as word
union all select cast('2026-01-02' as date), 2, 'two'"""
SECOND_RUN = """
{% if is_incremental() %} and false union all select cast('2026-01-02' as date), 2, 'new' {% endif %}"""


@pytest.fixture(scope="class")
def dbt_profile_target() -> dict[str, Any]:
    return {"type": "starrocks", "username": "root", "password": "", "port": PORT, "host": HOST}


class Models:
    """One model a class; `run` gives its relation."""

    MODEL: ClassVar[str]

    @pytest.fixture(scope="class")
    def models(self) -> dict[str, str]:
        return {"model.sql": self.MODEL}

    def run(self, project: Any, **options: Any) -> Any:
        run_dbt(["run"], **options)
        return relation_from_name(project.adapter, "model")


def _two_days(strategy: str) -> str:
    head, _, tail = DAYS.replace("STRATEGY", strategy).partition("select ")
    return head + "select * from (select " + tail + ") as days where true" + SECOND_RUN


class TestIncrementalDefault(Models):
    MODEL = _two_days("default")

    def test_rows_are_upserted(self, project: Any) -> None:
        self.run(project)
        relation = self.run(project)
        assert project.run_sql(f"select id, word from {relation} order by id", fetch="all") == [
            (1, "FIRST"),
            (2, "new"),
        ]


class TestInsertOverwrite(Models):
    MODEL = _two_days("insert_overwrite")

    def test_the_table_is_replaced(self, project: Any) -> None:
        self.run(project)
        relation = self.run(project)
        assert project.run_sql(f"select id, word from {relation} order by id", fetch="all") == [(2, "new")]


class TestDynamicOverwrite(Models):
    MODEL = _two_days("dynamic_overwrite")

    def test_the_partitions_of_the_rows_are_replaced(self, project: Any) -> None:
        self.run(project)
        relation = self.run(project)
        assert project.run_sql(f"select id, word from {relation} order by id", fetch="all") == [
            (1, "FIRST"),
            (2, "new"),
        ]


class TestIndexes(Models):
    MODEL = """{{ config(materialized='table', engine='OLAP', distributed_by=['id'],
        indexs=[{'columns': 'name'}, {'columns': 'email'}]) }} select 1 as id, 'a' as name, 'b' as email"""

    def test_each_is_shown(self, project: Any) -> None:
        text = project.run_sql(f"show create table {self.run(project)}", fetch="one")[1]
        assert text.count("USING BITMAP") == 2 and "INDEX idx_email" in text, text


class TestIndexOfTwoColumns(Models):
    MODEL = """{{ config(materialized='table', engine='OLAP', distributed_by=['id'],
        indexs=[{'columns': 'id, name'}]) }}
        select 1 as id, 'a' as name"""

    @pytest.mark.usefixtures("project")
    def test_it_is_refused(self) -> None:
        results = run_dbt(["run"], expect_pass=False)
        assert "index can only apply to a single column" in results.results[0].message


class TestKeyOfJson(Models):
    MODEL = """{{ config(materialized='table', table_type='DUPLICATE', keys=['doc'], distributed_by=['doc'],
        engine='OLAP') }} select parse_json('{"a": 1}') as doc"""

    @pytest.mark.usefixtures("project")
    def test_it_is_refused(self) -> None:
        assert run_dbt(["run"], expect_pass=False).results[0].status == "error"


class TestMaterializedView(Models):
    MODEL = """{{ config(materialized='materialized_view', distributed_by=['k'], refresh_method='manual',
        properties={'replication_num': '1'}) }} select 1 as k, 'a' as v"""

    @pytest.fixture(scope="class")
    def models(self) -> dict[str, str]:
        base = "{{ config(materialized='table', distributed_by=['k']) }} select 1 as k, 'a' as v"
        return {
            "base.sql": base,
            "model.sql": self.MODEL.replace("select 1 as k, 'a' as v", "select * from {{ ref('base') }}"),
        }

    def test_it_is_made_and_refreshed(self, project: Any) -> None:
        relation = self.run(project)
        project.run_sql(f"refresh materialized view {relation} with sync mode")
        assert project.run_sql(f"select k, v from {relation}", fetch="all") == [(1, "a")]


class TestTask(Models):
    MODEL = "{{ config(materialized='table') }} select 1 as k, 'a' as v"

    @pytest.fixture(scope="class")
    def dbt_profile_target(self) -> dict[str, Any]:
        return {
            "type": "starrocks", "username": "root", "password": "", "port": PORT, "host": HOST, "is_async": True,
            "async_query_timeout": 10,
        }  # fmt: skip

    def test_a_model_is_made_by_a_task(self, project: Any) -> None:
        relation = self.run(project)
        assert project.run_sql(f"select k, v from {relation}", fetch="all") == [(1, "a")]
        runs = "select count(*) from information_schema.task_runs where state = 'SUCCESS'"
        assert project.run_sql(runs, fetch="one")[0] >= 1


class TestExternalCatalog(Models):
    MODEL = "select 1 as k"

    def test_it_is_refused_by_name(self, project: Any) -> None:
        with pytest.raises(Exception, match=REFUSAL):
            project.run_sql('create external catalog lake properties ("type" = "iceberg")')


class Told:
    """Tells the harness of each test, and the log why one failed."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and not report.failed:
            return
        faults = [line[2:] for line in report.longreprtext.splitlines() if line.startswith("E ")]
        result(
            report.nodeid.rpartition("::Test")[2].replace("::", ": "), (faults or ["?"])[0] if report.failed else None
        )
        if report.failed:
            print(report.longreprtext, report.capstdout, file=sys.stderr)


if __name__ == "__main__":
    # -c: the settings of this repository's own tests are not these tests'
    options = (
        f"-p no:terminal -c {os.devnull} --rootdir=. --noconftest -p no:cacheprovider -p dbt.tests.fixtures.project"
    )
    pytest.main([*options.split(), __file__], plugins=[Told()])
    sys.exit(0)
