"""Session and global variables: the names that exist, their defaults, and which of them mean something here.

Source of names and defaults: `fe/fe-core/src/main/java/com/starrocks/qe/SessionVariable.java`, `GlobalVariable.java`.
A name that is not listed is refused (1193); one that is listed and not in EFFECTIVE is kept and shown, without effect.
"""

from collections.abc import Mapping

from emulator.errors import StarRocksError, analysis, failed

MYSQL_VERSION = "8.0.33"
MAX_TIMEOUT_SECONDS = 259200
EFFECTIVE = frozenset(
    {"time_zone", "dynamic_overwrite", "enable_insert_strict", "enable_insert_partial_update", "enable_sql_transaction",
     "query_timeout", "insert_timeout", "insert_max_filter_ratio", "partial_update_mode", "sql_select_limit",
     "sql_mode", "catalog"}
)  # fmt: skip
DEFAULTS: Mapping[str, str] = {
    "activate_all_roles_on_login": "false",
    "auto_increment_increment": "1",
    "autocommit": "true",
    "catalog": "default_catalog",
    "character_set_client": "utf8",
    "character_set_connection": "utf8",
    "character_set_database": "utf8",
    "character_set_results": "utf8",
    "character_set_server": "utf8",
    "collation_connection": "utf8_general_ci",
    "collation_database": "utf8_general_ci",
    "collation_server": "utf8_general_ci",
    "custom_query_id": "",
    "disable_colocate_join": "false",
    "dynamic_overwrite": "false",
    "enable_adaptive_sink_dop": "true",
    "enable_async_profile": "true",
    "enable_insert_partial_update": "true",
    "enable_insert_strict": "true",
    "enable_materialized_view_rewrite": "true",
    "enable_profile": "false",
    "enable_query_cache": "false",
    "enable_spill": "false",
    "enable_sql_transaction": "true",
    "event_scheduler": "OFF",
    "group_concat_max_len": "1024",
    "init_connect": "",
    "insert_max_filter_ratio": "0.0",
    "insert_timeout": "14400",
    "interactive_timeout": "3600",
    "language": "/starrocks/share/english/",
    "license": "Apache License 2.0",
    "lower_case_table_names": "0",
    "materialized_view_rewrite_mode": "default",
    "max_allowed_packet": "33554432",
    "max_execution_time": "0",
    "net_buffer_length": "16384",
    "net_read_timeout": "60",
    "net_write_timeout": "60",
    "new_planner_optimize_timeout": "3000",
    "parallel_fragment_exec_instance_num": "1",
    "partial_update_mode": "auto",
    "performance_schema": "OFF",
    "pipeline_dop": "0",
    "query_cache_size": "1048576",
    "query_cache_type": "0",
    "query_delivery_timeout": "300",
    "query_mem_limit": "0",
    "query_queue_pending_timeout_second": "300",
    "query_timeout": "300",
    "resource_group": "",
    "sql_auto_is_null": "false",
    "sql_dialect": "StarRocks",
    "sql_mode": "ONLY_FULL_GROUP_BY",
    "sql_mode_v2": "32",
    "sql_safe_updates": "0",
    "sql_select_limit": "9223372036854775807",
    "sql_quote_show_create": "true",
    "storage_engine": "olap",
    "streaming_preaggregation_mode": "auto",
    "system_time_zone": "UTC",
    "time_zone": "UTC",
    "transaction_isolation": "REPEATABLE-READ",
    "transaction_read_only": "false",
    "transaction_visible_wait_timeout": "10",
    "tx_isolation": "REPEATABLE-READ",
    "tx_read_only": "false",
    "tx_visible_wait_timeout": "10",
    "unique_checks": "true",
    "version": MYSQL_VERSION,
    "version_comment": "StarRocks embedded server (not a cluster)",
    "wait_timeout": "28800",
    "warehouse": "default_warehouse",
    "foreign_key_checks": "true",
    "names": "utf8",
    "enable_constant_execute_in_fe": "true",
    "cbo_enable_low_cardinality_optimize": "true",
    "enable_strict_type": "false",
    "enable_load_profile": "false",
    "enable_groupby_use_output_alias": "false",
    "sql_log_bin": "true",
    "profiling": "false",
}
READ_ONLY = frozenset(
    {"version", "version_comment", "license", "system_time_zone", "performance_schema", "lower_case_table_names"}
)
_BOOLEAN_TEXT = {"on": "true", "1": "true", "true": "true", "off": "false", "0": "false", "false": "false"}


class Variables:
    """The variables of a session on top of the server's global ones (a plain dict shared by all sessions)."""

    def __init__(self, shared: dict[str, str]) -> None:
        self._shared = shared
        self._own: dict[str, str] = {}
        self.user: dict[str, object] = {}
        self.version = 0

    def get(self, name: str, hints: Mapping[str, str] | None = None) -> str:
        """A variable's text. Raises 1193 for a name that does not exist."""
        name = name.lower()
        if hints and name in hints:
            return _normal(name, hints[name])
        if name in self._own:
            return self._own[name]
        if name in self._shared:
            return self._shared[name]
        if name not in DEFAULTS:
            raise unknown_variable(name)
        return DEFAULTS[name]

    def is_on(self, name: str, hints: Mapping[str, str] | None = None) -> bool:
        return self.get(name, hints).lower() in {"true", "1", "on"}

    def set(self, name: str, value: str | None, everywhere: bool = False) -> None:
        """Set for the session, or for everybody (new values are seen by sessions without their own). None = default."""
        name = name.lower()
        if name not in DEFAULTS:
            raise unknown_variable(name)
        if name in READ_ONLY:
            raise failed(f"Variable '{name}' is a read only variable", 1238)
        if name in ("query_timeout", "insert_timeout") and value is not None:
            _check_timeout(name, value)
        self._shared_or_own(everywhere)[name] = DEFAULTS[name] if value is None else _normal(name, value)
        self.version += 1

    def _shared_or_own(self, everywhere: bool) -> dict[str, str]:
        return self._shared if everywhere else self._own

    def listed(self) -> list[tuple[str, str]]:
        """Every variable and its value, by name."""
        return [(name, self.get(name)) for name in sorted(DEFAULTS)]

    def reset(self) -> None:
        """Forget what the session set (COM_RESET_CONNECTION)."""
        self._own.clear()
        self.user.clear()
        self.version += 1


def unknown_variable(name: str) -> StarRocksError:
    return failed(f"Unknown system variable '{name}'", 1193)


def _check_timeout(name: str, value: str) -> None:
    """Raise for what is no number of seconds from 1 to three days (SetStmtAnalyzer.java, `checkRangeLongVariable`)."""
    if not value.lstrip("-").isdigit():
        raise analysis(f"{name} is not a number")
    if int(value) < 1:
        raise analysis(f"{name} must be equal or greater than 1")
    if int(value) > MAX_TIMEOUT_SECONDS:
        raise analysis(f"{name} must be equal or smaller than {MAX_TIMEOUT_SECONDS}")


def _normal(name: str, value: str) -> str:
    if DEFAULTS.get(name) in ("true", "false"):
        return _BOOLEAN_TEXT.get(value.lower(), value)
    return value
