"""Headers of a Stream Load request: read, checked and typed once.

Names, defaults, limits and messages follow StarRocks: be/src/http/http_common.h, be/src/http/action/stream_load.cpp and
fe/fe-core/src/main/java/com/starrocks/load/streamload/StreamLoadInfo.java.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

LABEL = re.compile(r"[-\w]{1,128}", re.ASCII)
JSON_LIMIT_BYTES = 100 * 1024 * 1024
LONGEST_SEPARATOR_BYTES = 50
DEFAULT_TIMEOUT_SECONDS = 600
LONGEST_TIMEOUT_SECONDS = 259_200

# format header -> compression of the CSV body
CSV_FORMATS = {
    "csv": "",
    "gzip": "gzip",
    "bzip2": "bzip2",
    "deflate": "deflate",
    "lz4": "lz4",
    "zstd": "zstd",
}
JSON_COMPRESSIONS = {
    "gzip": "gzip",
    "bzip2": "bzip2",
    "bz2": "bzip2",
    "deflate": "deflate",
    "zlib": "deflate",
    "lz4_frame": "lz4",
    "lz4": "lz4",
    "zstd": "zstd",
    "no_compression": "",
}
# What StarRocks takes and this server does not: refused, never ignored.
REFUSED = ("envelope", "negative", "temporary_partitions", "enable_merge_commit")


class LoadError(Exception):
    """A load that ends as `Fail`; the text is what the client reads in `Message`."""


class BodyError(LoadError):
    """The body ended before its announced length."""


class LabelTaken(LoadError):
    """The label belongs to a running or finished load: `existing` is RUNNING or FINISHED."""

    def __init__(self, label: str, existing: str) -> None:
        super().__init__(f"Label [{label}] has already been used.")
        self.existing = existing


@dataclass(frozen=True)
class LoadOptions:
    """The typed headers of one request."""

    format: str = "csv"
    compression: str = ""
    columns: str = ""
    where: str = ""
    column_separator: bytes = b"\t"
    row_delimiter: bytes = b"\n"
    skip_header: int = 0
    trim_space: bool = False
    enclose: bytes = b""
    escape: bytes = b""
    jsonpaths: str = ""
    json_root: str = ""
    strip_outer_array: bool = False
    ignore_json_size: bool = False
    strict_mode: bool = False
    max_filter_ratio: float = 0.0
    timezone: str = "Asia/Shanghai"
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS
    partitions: tuple[str, ...] = ()
    partial_update: bool = False
    merge_condition: str = ""
    log_rejected_record_num: int = 0


def separator(text: str) -> bytes:
    """Bytes of a separator header: plain text with \\t and \\n, or the hex forms \\x01 and 0x01.

    Raises LoadError with StarRocks' text (sql/ast/expression/Delimiter.java).
    """
    if not text:
        raise LoadError("Delimiter cannot be empty or null")
    if text[:2].upper() not in ("\\X", "0X"):
        found = text.replace("\\t", "\t").replace("\\n", "\n").encode()
    else:
        digits = text[2:]
        if not digits:
            raise LoadError(f"Invalid delimiter '{text}: empty hex string")
        if len(digits) % 2:
            raise LoadError(f"Invalid delimiter '{text}: hex length must be a even number")
        if re.fullmatch(r"[0-9A-Fa-f]+", digits) is None:
            raise LoadError(f"Invalid delimiter '{text}': invalid hex format")
        found = bytes.fromhex(digits)
    if len(found) > LONGEST_SEPARATOR_BYTES:
        raise LoadError(f"the max length of delimiter is {LONGEST_SEPARATOR_BYTES}")
    return found


def _boolean(headers: Mapping[str, str], name: str, message: str) -> bool:
    text = headers.get(name, "").lower()
    if text not in ("", "true", "false"):
        raise LoadError(message)
    return text == "true"


def _integer(headers: Mapping[str, str], name: str, default: int, least: int, malformed: str) -> int:
    text = headers.get(name, "").strip()
    if not text:
        return default
    if re.fullmatch(r"[+-]?\d+", text) is None:
        raise LoadError(malformed)
    if int(text) < least:
        raise LoadError(f"{name} must be equal or greater than {least}")
    return int(text)


def _ratio(headers: Mapping[str, str]) -> float:
    """StarRocks reads the number with strtod: what is no number counts as 0."""
    found = re.match(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", headers.get("max_filter_ratio", ""))
    return float(found.group()) if found else 0.0


def _timezone(headers: Mapping[str, str]) -> str:
    name = headers.get("timezone", "").strip()
    if not name:
        return "Asia/Shanghai"
    offset = re.fullmatch(r"([+-])(\d{1,2}):(\d{2})", name)
    if offset:
        if offset.group(3) != "00":
            raise LoadError(f"time zone {name} is not supported by the embedded server: only whole hours are")
        return f"Etc/GMT{'-' if offset.group(1) == '+' else '+'}{int(offset.group(2))}"
    try:
        ZoneInfo({"CST": "Asia/Shanghai", "PRC": "Asia/Shanghai"}.get(name, name))
    except (ValueError, OSError, KeyError) as error:
        raise LoadError(f"Unknown or incorrect time zone: '{name}'") from error
    return {"CST": "Asia/Shanghai", "PRC": "Asia/Shanghai"}.get(name, name)


def _format(headers: Mapping[str, str]) -> tuple[str, str]:
    """(csv|json, compression of the body)."""
    name = headers.get("format", "")
    kind = name.lower() or "csv"
    if kind != "json" and kind not in CSV_FORMATS:
        raise LoadError(f"unknown data format, format={name}")
    encoding, compression = headers.get("content-encoding", ""), headers.get("compression", "")
    if encoding and compression:
        raise LoadError("Only one of http header content-encoding and compression can be set")
    if kind != "json":
        return "csv", CSV_FORMATS[kind]
    wanted = encoding or compression
    if wanted and wanted.lower() not in JSON_COMPRESSIONS:
        raise LoadError(f"Unsupported compression type: {wanted}")
    return "json", JSON_COMPRESSIONS[wanted.lower()] if wanted else ""


def _refuse(headers: Mapping[str, str]) -> None:
    for name in REFUSED:
        if headers.get(name, "").lower() not in ("", "false", "none"):
            raise LoadError(f"Stream Load header {name} is not supported by the embedded server")
    if headers.get("partial_update_mode", "row") not in ("row", "auto", "column", ""):
        raise LoadError(f"Invalid partial_update_mode: {headers['partial_update_mode']}")


def parse(headers: Mapping[str, str]) -> LoadOptions:
    """Options of a request from its headers, names in lower case. Raises LoadError as StarRocks words it."""
    _refuse(headers)
    kind, compression = _format(headers)
    timeout = headers.get("timeout", "").strip()
    if timeout and not timeout.isdigit():
        raise LoadError("Invalid timeout format")
    if timeout and not 0 < int(timeout) <= LONGEST_TIMEOUT_SECONDS:
        raise LoadError(f"Invalid timeout: {timeout}. Timeout should between: 1 and {LONGEST_TIMEOUT_SECONDS} seconds")
    rejected = _integer(headers, "log_rejected_record_num", 0, -1, "Invalid log_rejected_record_num format")
    partitions = headers.get("partitions", "").strip()
    return LoadOptions(
        format=kind,
        compression=compression,
        columns=headers.get("columns", "").strip(),
        where=headers.get("where", "").strip(),
        column_separator=separator(headers["column_separator"]) if headers.get("column_separator") else b"\t",
        row_delimiter=separator(headers["row_delimiter"]) if headers.get("row_delimiter") else b"\n",
        skip_header=_integer(headers, "skip_header", 0, 0, "Invalid csv load skip_header format"),
        trim_space=_boolean(headers, "trim_space", "Invalid trim space format. Must be bool type"),
        enclose=headers.get("enclose", "").encode()[:1],
        escape=headers.get("escape", "").encode()[:1],
        jsonpaths=headers.get("jsonpaths", "").strip(),
        json_root=headers.get("json_root", "").strip(),
        strip_outer_array=headers.get("strip_outer_array", "").lower() == "true",
        ignore_json_size=headers.get("ignore_json_size", "").lower() == "true",
        strict_mode=_boolean(headers, "strict_mode", "Invalid strict mode format. Must be bool type"),
        max_filter_ratio=_ratio(headers),
        timezone=_timezone(headers),
        timeout_seconds=int(timeout) if timeout else DEFAULT_TIMEOUT_SECONDS,
        partitions=tuple(name.strip().strip("`") for name in partitions.split(",")) if partitions else (),
        partial_update=_boolean(headers, "partial_update", "Invalid partial update flag format. Must be bool type"),
        merge_condition=headers.get("merge_condition", "").strip(),
        log_rejected_record_num=rejected,
    )
