"""PROPERTIES of tables: which there are, what those that are not written are, which the embedded server cannot have.

Those about storage have no effect here, and are kept and shown. `dynamic_partition.*` are kept and shown too, and
nothing acts on them: partitions are neither made ahead nor dropped.
Source: `fe/fe-core/src/main/java/com/starrocks/common/util/PropertyAnalyzer.java`, `server/OlapTableFactory.java`.
"""

import re

from emulator.errors import analysis, failed
from emulator.storage.catalog import AGGREGATE, PRIMARY, UNIQUE, Table

_FIXED = {"compression": "LZ4", "fast_schema_evolution": "true", "replicated_storage": "true", "replication_num": "1"}
_KNOWN = frozenset(
    re.findall(
        r"\S+",
        """
    replication_num storage_medium storage_cooldown_time storage_cooldown_ttl bloom_filter_columns bloom_filter_fpp
    colocate_with compression in_memory enable_persistent_index labels.location persistent_index_type binlog_version
    binlog_enable binlog_ttl_second binlog_max_size flat_json.enable flat_json.null.factor flat_json.sparsity.factor
    flat_json.column.max write_quorum replicated_storage bucket_size mutable_bucket_num enable_load_profile
    base_compaction_forbidden_time_ranges primary_index_cache_expire_sec partition_ttl partition_live_number
    partition_retention_condition time_drift_constraint table_query_timeout storage_volume storage_format storage_type
    foreign_key_constraints unique_constraints datacache.enable datacache.partition_duration fast_schema_evolution
    light_schema_change file_bundling compaction_strategy lake_compaction_max_parallel enable_async_write_back
    enable_statistic_collect_on_first_load partition_refresh_number version_info
    """,
    )
)
_DYNAMIC = frozenset(
    re.findall(
        r"\S+",
        """
    enable time_zone time_unit start end prefix buckets replication_num start_day_of_week start_day_of_month
    history_partition_num
    """,
    )
)
_NOT_SHOWN = frozenset({"in_memory", "storage_format", "storage_type", "light_schema_change", "version_info"})
_COMPRESSIONS = frozenset({"LZ4", "LZ4_FRAME", "ZSTD", "ZLIB", "SNAPPY", "GZIP", "NO_COMPRESSION"})
_BOOLEANS = ("enable_persistent_index", "replicated_storage", "fast_schema_evolution")


def checked_properties(table: Table) -> dict[str, str]:
    """All properties of a new table. Raises StarRocks' refusals."""
    unknown = {key: value for key, value in table.properties.items() if not _is_known(key, bool(table.partition_by))}
    if unknown:
        listed = ", ".join(f"{key}={value}" for key, value in unknown.items())
        raise failed(f"Unknown properties: {{{listed}}}")
    check_values(table, table.properties)
    fixed = {**_FIXED, **({"enable_persistent_index": "true"} if table.model == PRIMARY else {})}
    shown = {key: value for key, value in table.properties.items() if key not in _NOT_SHOWN}
    if table.model != PRIMARY:
        shown.pop("enable_persistent_index", None)
    return {**fixed, **shown}


def _is_known(key: str, partitioned: bool) -> bool:
    if key.startswith("dynamic_partition."):
        return partitioned and key.removeprefix("dynamic_partition.") in _DYNAMIC
    return key in _KNOWN


def check_values(table: Table, properties: dict[str, str]) -> None:
    """Raise StarRocks' refusal of a property's value."""
    number = properties.get("replication_num")
    if number is not None and not number.isdigit():
        raise failed(f"Invalid replication num: {number}")
    if number is not None and int(number) < 1:
        raise failed("Replication num should larger than 0")
    compression = properties.get("compression")
    if compression is not None and compression.split("(")[0].upper() not in _COMPRESSIONS:
        raise failed(f"unknown compression type: {compression}")
    for name in (each.strip() for each in properties.get("bloom_filter_columns", "").split(",")):
        column = table.column(name)
        if name and column is None:
            raise failed(f"Bloom filter column does not exist in table. invalid column: {name}")
        if column is not None and not column.key and table.model in (UNIQUE, AGGREGATE):
            raise failed(
                "Bloom filter index only used in columns of DUP_KEYS/PRIMARY table or"
                f" key columns of UNIQUE_KEYS/AGG_KEYS table. invalid column: {name}"
            )
    if "colocate_with" in properties and not table.distribution:
        raise analysis("Colocate table must specify distribution column")
    for name in _BOOLEANS:
        if properties.get(name, "true").lower() not in ("true", "false"):
            raise failed(f"Invalid {name}: {properties[name]}")


def check_settable(table: Table, properties: dict[str, str]) -> None:
    """Raise StarRocks' refusal of what ALTER TABLE SET may not change."""
    unknown = {key: value for key, value in properties.items() if not _is_known(key.removeprefix("default."), True)}
    if unknown:
        listed = ", ".join(f"{key}={value}" for key, value in unknown.items())
        raise analysis(f"Unknown properties: {{{listed}}}")
    check_values(table, {key.removeprefix("default."): value for key, value in properties.items()})
