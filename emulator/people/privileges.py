"""The kinds of objects that privileges are granted on, and the privileges of each kind.

Source: `fe/fe-core/src/main/java/com/starrocks/authorization/DefaultAuthorizationProvider.java`
(the order is that of SHOW GRANTS), `docs/en/administration/user_privs/authorization/privilege_item.md`.
"""

from collections.abc import Mapping

TABLE = "TABLE"
DATABASE = "DATABASE"
SYSTEM = "SYSTEM"
USER = "USER"
VIEW = "VIEW"
CATALOG = "CATALOG"
MATERIALIZED_VIEW = "MATERIALIZED VIEW"

DEFAULT_CATALOG = "default_catalog"
EVERY = "*"

PRIVILEGES: Mapping[str, tuple[str, ...]] = {
    TABLE: ("DELETE", "DROP", "INSERT", "SELECT", "ALTER", "EXPORT", "UPDATE", "REFRESH"),
    DATABASE: (
        "CREATE TABLE",
        "DROP",
        "ALTER",
        "CREATE VIEW",
        "CREATE FUNCTION",
        "CREATE MATERIALIZED VIEW",
        "CREATE PIPE",
    ),
    SYSTEM: (
        "GRANT",
        "NODE",
        "CREATE RESOURCE",
        "PLUGIN",
        "FILE",
        "BLACKLIST",
        "OPERATE",
        "CREATE EXTERNAL CATALOG",
        "REPOSITORY",
        "CREATE RESOURCE GROUP",
        "CREATE GLOBAL FUNCTION",
        "CREATE STORAGE VOLUME",
        "CREATE WAREHOUSE",
        "SECURITY",
    ),
    USER: ("IMPERSONATE",),
    VIEW: ("SELECT", "ALTER", "DROP"),
    CATALOG: ("USAGE", "CREATE DATABASE", "DROP", "ALTER"),
    MATERIALIZED_VIEW: ("ALTER", "REFRESH", "DROP", "SELECT"),
}
KNOWN = frozenset(privilege for listed in PRIVILEGES.values() for privilege in listed)
PLURALS = {
    "TABLES": TABLE,
    "DATABASES": DATABASE,
    "USERS": USER,
    "VIEWS": VIEW,
    "CATALOGS": CATALOG,
    "MATERIALIZED VIEWS": MATERIALIZED_VIEW,
}
# StarRocks has these too; there are no such objects here
ABSENT = frozenset(
    {"RESOURCE", "RESOURCE GROUP", "STORAGE VOLUME", "WAREHOUSE", "PIPE", "FUNCTION", "GLOBAL FUNCTION"}
    | {"RESOURCES", "RESOURCE GROUPS", "STORAGE VOLUMES", "WAREHOUSES", "PIPES", "FUNCTIONS", "GLOBAL FUNCTIONS"}
    | {"POLICIES"}
)
# how many ids name one object of a kind
PARTS = {TABLE: 2, VIEW: 2, MATERIALIZED_VIEW: 2, DATABASE: 1, CATALOG: 1, USER: 1, SYSTEM: 0}
