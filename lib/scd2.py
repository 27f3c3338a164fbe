"""The one INSERT that keeps an SCD 2 dimension: it closes and opens versions together, so no reader sees half of it.

StarRocks has no MERGE, and a transaction touches a table once (docs/en/loading/SQL_transaction.md). So the whole chain
of every key that has news is computed anew from what is stored and what is staged, and only rows that differ are
written. Changes may come late (they split a closed version) and several at once; the same changes again write nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from lib.catalog import TableFile
from lib.mapping import INFERRED, ROW, SCD2_MANAGED, Mapping
from lib.warehouse import quote

OPEN_END = "9999-12-31 00:00:00"
FROM, TO, CURRENT = "valid_from", *SCD2_MANAGED


def statement(table: TableFile, target: str, stage: str, mapping: Mapping, left_out: Sequence[int]) -> str:
    """INSERT INTO the dimension; columns `valid_to`, `is_current` and `is_inferred` are made here."""
    key = [quote(name) for name in table.key]
    held = [
        quote(column.name)
        for column in mapping.staged
        if column.name not in (*table.key, FROM, INFERRED, *mapping.lineage)
    ]
    extra = [quote(name) for name in sorted(mapping.lineage)]
    carried = ", ".join([*key, quote(FROM), *held, *extra])
    keys = ", ".join(key)
    skipped = f" WHERE {quote(ROW)} NOT IN ({', '.join(map(str, left_out))})" if left_out else ""
    changed = " OR ".join(f"NOT (c.{name} <=> c.before_{index})" for index, name in enumerate(held)) or "FALSE"
    differs = " OR ".join(f"NOT (c.{name} <=> t.{name})" for name in held) or "FALSE"
    lags = "".join(
        f", lag({name}) OVER (PARTITION BY {keys} ORDER BY {quote(FROM)}) AS before_{index}"
        for index, name in enumerate(held)
    )
    # A member that was inferred takes the attributes of the first version that is known.
    filled = "".join(
        f", CASE WHEN was_inferred = 1 THEN lead({name}) OVER (PARTITION BY {keys} ORDER BY {quote(FROM)})"
        f" ELSE {name} END AS {name}"
        for name in held
    )
    plain = ", ".join([*key, quote(FROM), *extra])
    of_target = ", ".join(f"d.{name}" for name in [*key, quote(FROM), *held, *extra])
    of_incoming = ", ".join(f"i.{name}" for name in [*key, quote(FROM), *held, *extra])
    of_chain = ", ".join(f"c.{name}" for name in [*key, quote(FROM), *held, *extra])
    return f"""
INSERT INTO {target} ({carried}, {quote(TO)}, {quote(CURRENT)}, {quote(INFERRED)})
WITH incoming AS (
    SELECT {carried} FROM (
        SELECT {carried}, row_number() OVER (PARTITION BY {keys}, {quote(FROM)} ORDER BY {quote(ROW)} DESC) AS nth
        FROM {stage}{skipped}
    ) numbered WHERE nth = 1
),
stored AS (
    SELECT {of_target}, d.{quote(TO)}, d.{quote(INFERRED)}
    FROM {target} d LEFT SEMI JOIN incoming i ON {_joined(key, "d", "i")}
),
merged AS (
    SELECT {of_incoming}, CASE WHEN d.{key[0]} IS NULL THEN 1 ELSE 0 END AS is_new, 0 AS was_inferred
    FROM incoming i LEFT JOIN stored d ON {_joined(key, "d", "i")} AND d.{quote(FROM)} = i.{quote(FROM)}
    UNION ALL
    SELECT {of_target}, 0, CASE WHEN d.{quote(INFERRED)} THEN 1 ELSE 0 END
    FROM stored d LEFT ANTI JOIN incoming i ON {_joined(key, "d", "i")} AND d.{quote(FROM)} = i.{quote(FROM)}
),
filled AS (
    SELECT {plain}, is_new, was_inferred{filled} FROM merged
),
chained AS (
    SELECT {carried}, is_new, was_inferred{lags},
           row_number() OVER (PARTITION BY {keys} ORDER BY {quote(FROM)}) AS place
    FROM filled
),
kept AS (
    SELECT {carried} FROM chained c WHERE is_new = 0 OR place = 1 OR {changed}
),
versions AS (
    SELECT {carried}, lead({quote(FROM)}) OVER (PARTITION BY {keys} ORDER BY {quote(FROM)}) AS next_from FROM kept
)
SELECT {of_chain},
       coalesce(c.next_from, CAST('{OPEN_END}' AS DATETIME)), c.next_from IS NULL, FALSE
FROM versions c LEFT JOIN stored t ON {_joined(key, "c", "t")} AND c.{quote(FROM)} = t.{quote(FROM)}
WHERE t.{key[0]} IS NULL OR t.{quote(TO)} <> coalesce(c.next_from, CAST('{OPEN_END}' AS DATETIME))
   OR t.{quote(INFERRED)} OR {differs}
""".strip()


def _joined(key: Sequence[str], left: str, right: str) -> str:
    return " AND ".join(f"{left}.{name} = {right}.{name}" for name in key)
