"""The sources of the tables, each as far as it can be seen without reading it."""

from __future__ import annotations

from lib import catalog
from lib.catalog import TableFile
from lib.errors import Misconfigured, Unavailable
from lib.probes import PATIENCE, Patient
from lib.settings import connection, settings
from lib.sources._files import bucket


def source_dir(_patient: Patient) -> str:
    """The directory of the `files` sources exists."""
    folder = settings().sources
    if not [table for table in _tables("files") if not _what(table).startswith(bucket.SCHEMES)]:
        return "no table is loaded from local files"
    if not folder.is_dir():
        raise Misconfigured(f"{folder.absolute()} is no directory", hint="set SOURCE_DIR")
    return str(folder.absolute())


def buckets(_patient: Patient) -> str:
    """The bucket of each `files` source in one can be listed."""
    globs = sorted({_what(table) for table in _tables("files") if _what(table).startswith(bucket.SCHEMES)})
    for glob in globs:
        bucket.listed(glob)
    return ", ".join(globs) or "no table is loaded from a bucket"


def sql_connections(_patient: Patient) -> str:
    """Each database that tables are loaded from answers to SELECT 1."""
    names = sorted({_what(table).partition(":")[0].strip() for table in _tables("sql")})
    for name in names:
        _select_one(name)
    return ", ".join(names) or "no table is loaded from a SQL database"


def kafka(_patient: Patient) -> str:
    """The brokers answer, and have the topics."""
    topics = sorted({_what(table) for table in _tables("kafka")})
    servers = settings().kafka_bootstrap_servers
    if not topics:
        return "no table is loaded from Kafka"
    if not servers:
        raise Misconfigured(f"no brokers for {', '.join(topics)}", hint="set KAFKA_BOOTSTRAP_SERVERS=host:port, ...")
    missing = sorted(set(topics) - _topics(servers))
    if missing:
        raise Misconfigured(f"{servers}: no topic {', '.join(missing)}", hint="create it, or correct `-- source:`")
    return f"{servers}: {', '.join(topics)}"


def _tables(kind: str) -> list[TableFile]:
    return [table for table in catalog.tables().values() if table.source and table.source.kind == kind]


def _what(table: TableFile) -> str:
    return table.source.what if table.source else ""


def _select_one(name: str) -> None:
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    setting = f"CONNECTION_{name.upper()}"
    try:
        engine = create_engine(connection(name).reveal())
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        # Not the error's own text: it shows the URL, password and all.
        raise Misconfigured(
            f"{setting}: not a URL that can be used ({type(error).__name__})",
            hint="dialect://user:password@host/database, and its driver installed",
        ) from None
    try:
        with engine.connect() as open_connection:
            open_connection.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        raise Unavailable(
            f"{setting}: no answer ({type(error).__name__})", hint=f"is it up? is the password in {setting} right?"
        ) from None
    finally:
        engine.dispose()


def _topics(servers: str) -> set[str]:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    # Its own lines about each attempt to connect would end up between ours.
    client = AdminClient({"bootstrap.servers": servers, "log_level": 0})
    try:
        return set(client.list_topics(timeout=PATIENCE).topics)
    except KafkaException as error:
        raise Unavailable(f"Kafka at {servers}: {error.args[0].str()}", hint="are the brokers up?") from None
