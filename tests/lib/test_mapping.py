"""Which source column goes where."""

from __future__ import annotations

from pathlib import Path

from lib import catalog
from lib.columns import Column
from lib.loading import mapping

VISIT = """\
-- purpose: who came
-- owner: me
-- source: files *.csv
-- refresh: incremental, morning
-- key: visit_id
-- column: visited_at = moment
-- column: visit_year = year(moment)
-- column: label = concat(visit_id, 'moment', `moment`)

CREATE TABLE IF NOT EXISTS fact_visit (visit_id BIGINT NOT NULL, visited_at DATETIME NULL, visit_year INT NULL,
    label VARCHAR(50) NULL) PRIMARY KEY (visit_id) DISTRIBUTED BY HASH (visit_id) BUCKETS 1;
"""
TYPES = {"visit_id": "bigint(20)", "visited_at": "datetime", "visit_year": "int(11)", "label": "varchar(50)"}


def test_a_source_column_stays_text_however_expressions_use_it(tmp_path: Path) -> None:
    path = tmp_path / "fact_visit.sql"
    path.write_text(VISIT)
    target = [Column(name, kind, name != "visit_id", name == "visit_id", False, False) for name, kind in TYPES.items()]
    header = mapping.plan(catalog.read_table(path), target, ["visit_id", "moment"]).header
    assert header == (
        "`_row`, `_source`, `visit_id`, `_s1`, `visited_at` = `_s1`, `visit_year` = year(concat(`_s1`)),"
        " `label` = concat(`visit_id`, 'moment', concat(`_s1`))"
    )
