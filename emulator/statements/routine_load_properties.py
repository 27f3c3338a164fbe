"""The properties of CREATE and ALTER ROUTINE LOAD: known names, ranges, defaults.

Source: fe/fe-core/src/main/java/com/starrocks/sql/ast/CreateRoutineLoadStmt.java.
"""

import re
from collections.abc import Mapping

from emulator.errors import analysis, unsupported
from emulator.stream_load import headers as load_headers

_ENDPOINT = re.compile(r".*?\[?([0-9a-zA-Z\-%._:]*)\]?:(\d+)")
_AT_LEAST = {
    "desired_concurrent_number": (1, "should > 0"),
    "max_error_number": (0, "should >= 0"),
    "max_batch_interval": (5, "should >= 5"),
    "max_batch_rows": (200_000, "should >= 200000"),
    "log_rejected_record_num": (-1, "should >= -1"),
}
_BOOLEANS = ("strict_mode", "partial_update", "pause_on_fatal_parse_error")
_TEXTS = ("format", "jsonpaths", "strip_outer_array", "json_root", "merge_condition", "trim_space", "enclose", "escape")
_OTHERS = ("max_filter_ratio", "max_batch_size", "timezone", "envelope", "warehouse")
_SECONDS = ("task_consume_second", "task_timeout_second")
_KNOWN = frozenset((*_AT_LEAST, *_BOOLEANS, *_TEXTS, *_OTHERS, *_SECONDS))
_KAFKA = ("kafka_broker_list", "kafka_topic", "kafka_partitions", "kafka_offsets", "confluent.schema.registry.url")
DEFAULTS = {
    "desired_concurrent_number": "5",
    "max_error_number": "0",
    "max_filter_ratio": "1.0",
    "max_batch_interval": "10",
    "max_batch_rows": "200000",
    "task_consume_second": "15",
    "task_timeout_second": "60",
    "format": "csv",
    "jsonpaths": "",
    "strip_outer_array": "false",
    "json_root": "",
    "strict_mode": "false",
    "pause_on_fatal_parse_error": "false",
    "partial_update": "false",
    "trim_space": "false",
    "enclose": "0",
    "escape": "0",
    "log_rejected_record_num": "0",
}


def check_job(given: Mapping[str, str]) -> dict[str, str]:
    """The job's properties as given. Raises StarRocks' refusal of the first that is wrong."""
    for name in given:
        if name not in _KNOWN:
            raise analysis(f"{name} is invalid property")
    for name, (least, message) in _AT_LEAST.items():
        if name in given and not (given[name].lstrip("-").isdigit() and int(given[name]) >= least):
            raise analysis(f"{name} {message}")
    _check_ratio(given.get("max_filter_ratio", "1"))
    for name in _BOOLEANS:
        if given.get(name, "false").lower() not in ("true", "false"):
            raise analysis(f"{name} should be a boolean")
    if given.get("format", "csv").lower() not in ("csv", "json", "avro"):
        raise analysis(f"Format type is invalid. format=`{given['format']}`")
    if "timezone" in given:
        _check_zone(given["timezone"])
    if given.get("envelope"):
        raise unsupported("property envelope of CREATE ROUTINE LOAD")
    return {**given, **_task_seconds(given)}


def _check_zone(name: str) -> None:
    try:
        load_headers.parse({"timezone": name})
    except load_headers.LoadError as error:
        raise analysis(str(error), 1298) from error


def _check_ratio(text: str) -> None:
    if re.fullmatch(r"-?\d+(\.\d*)?", text) is None:
        raise analysis("Incorrect format of max_filter_ratio")
    if not 0.0 <= float(text) <= 1.0:
        raise analysis("max_filter_ratio must between 0.0 and 1.0.")


def _task_seconds(given: Mapping[str, str]) -> dict[str, str]:
    """A task may take four times as long as it consumes, unless both are given."""
    consume, timeout = (given.get(name) for name in _SECONDS)
    for text in (consume, timeout):
        if text is not None and not text.isdigit():
            raise analysis(f'For input string: "{text}"')
    if consume is not None and timeout is not None:
        if int(consume) >= int(timeout):
            raise analysis("task_timeout_second must be larger than task_consume_second")
    elif consume is not None:
        timeout = str(int(consume) * 4)
    elif timeout is not None:
        consume = str(int(timeout) // 4)
    return {} if consume is None or timeout is None else dict(zip(_SECONDS, (consume, timeout), strict=True))


def check_kafka(given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """(broker, topic ...; custom properties without `property.`; partition -> offset). Raises StarRocks' error."""
    for name in given:
        if name not in _KAFKA and not name.startswith("property."):
            raise analysis(f"{name} is invalid kafka custom property")
    source = {name: value.replace(" ", "") for name, value in given.items() if name in _KAFKA}
    for name in ("kafka_broker_list", "kafka_topic"):
        if not source.get(name):
            raise analysis(f"{name} is a required property")
    for broker in source["kafka_broker_list"].split(","):
        if _ENDPOINT.fullmatch(broker) is None:
            raise analysis(f"{broker} not match pattern {_ENDPOINT.pattern}")
    custom = {name.removeprefix("property."): value for name, value in given.items() if name.startswith("property.")}
    return source, custom, partitions_of(source, custom)


def partitions_of(source: Mapping[str, str], custom: Mapping[str, str]) -> dict[str, str]:
    """Kafka partition -> first offset. Raises for lists of different lengths."""
    if "kafka_partitions" not in source:
        return {}
    numbers = source["kafka_partitions"].split(",")
    if not all(number.isdigit() for number in numbers):
        raise analysis(f"Invalid kafka partition: {source['kafka_partitions']}")
    first = custom.get("kafka_default_offsets", "OFFSET_END")
    offsets = source["kafka_offsets"].split(",") if "kafka_offsets" in source else [first] * len(numbers)
    if len(offsets) != len(numbers):
        raise analysis("Partitions number should be equals to offsets number")
    for offset in offsets:
        if offset not in ("OFFSET_BEGINNING", "OFFSET_END") and not offset.isdigit():
            raise analysis(f"Invalid kafka offset: {offset}")
    return dict(zip(numbers, offsets, strict=True))
