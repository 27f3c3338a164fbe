"""The log, as a process writes it to stderr."""

from __future__ import annotations

import base64
import json
import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import redaction
from tests.lib.conftest import Run

START = "from lib import log\nlog.configure(job='load_facts', run_id='r-1')\n"
PASSWORD = 'pä/ss "w@rd'


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_is_json_with_its_context(run: Run) -> None:
    done = run(START + "with log.bind(table='fact_trade'):\n  log.info('loaded', rows=3)\nlog.warning('w')")
    first, second = lines(done.stderr)
    assert done.stdout == ""
    assert list(first) == ["ts", "level", "event", "job", "run_id", "table", "rows"]
    assert (first["event"], first["level"], first["table"], first["rows"]) == (
        "loaded",
        "info",
        "fact_trade",
        3,
    )
    assert (second["level"], second["job"], second["run_id"]) == ("warning", "load_facts", "r-1")
    assert "table" not in second


def test_lines_carry_the_clock_of_the_host_even_when_the_jobs_clock_is_set(run: Run) -> None:
    done = run(START + "log.info('x')", {"NIGHTSHIFT_NOW": "1999-01-01T00:00:00"})
    written = datetime.fromisoformat(lines(done.stderr)[0]["ts"])
    assert written.utcoffset() is not None
    assert abs((datetime.now(UTC) - written).total_seconds()) < 3600


def test_lines_for_machines_need_no_structlog(run: Run) -> None:
    code = "log.info('e', a=1)\nlog.exception('broke', ValueError('x'))\n"
    code += "import sys; print([m for m in ('structlog', 'opentelemetry', 'rich') if m in sys.modules])"
    done = run(START + code)
    assert done.stdout.strip() == "[]"
    assert [line["event"] for line in lines(done.stderr)] == ["e", "broke"]


def test_what_a_terminal_shows_on_standard_output_needs_no_structlog(run: Run) -> None:
    code = "log.info('step', step='t')\nimport sys; print('structlog' in sys.modules)\n"
    done = run(START + code + "log.info('e')\nprint('structlog' in sys.modules)", {"NIGHTSHIFT_LOG": "text"})
    assert done.stdout.split() == ["False", "True"]


def test_a_traceback_shows_no_local_variables_and_no_secret(run: Run) -> None:
    code = """
    def connect(password):
        row = 'personal data'
        raise ConnectionError(f'no login with {password}')
    try:
        connect(log.settings_password)
    except ConnectionError as error:
        log.exception('broke', error, table='t')
    """
    set_up = START + "from lib.settings import settings\n"
    set_up += "log.settings_password = settings().starrocks_password.reveal()\n"
    done = run(set_up + dedent(code), {"STARROCKS_PASSWORD": PASSWORD})
    line = lines(done.stderr)[0]
    assert line["exception"].endswith("ConnectionError: no login with ***")
    assert "personal data" not in done.stderr
    assert PASSWORD not in done.stderr


def test_a_told_error_gives_message_and_hint_and_no_traceback(run: Run) -> None:
    code = START + "from lib.errors import Refused\nlog.exception('failed', Refused('no', hint='do this'), step='s')"
    line = lines(run(code).stderr)[0]
    assert (line["error"], line["hint"], line["step"], line["level"]) == ("no", "do this", "s", "error")
    assert "exception" not in line


@pytest.mark.parametrize("style", ["json", "text"])
def test_no_form_of_a_secret_gets_out(run: Run, style: str) -> None:
    hook = "https://hooks.slack.com/services/T0000/B0000/abcdefghijklmnopqrstuvwx"
    login = base64.b64encode(f"loader:{PASSWORD}".encode()).decode()
    forms = [PASSWORD, quote(PASSWORD, safe=""), login, hook, hook.rpartition("/")[2], "topsecretdsn"]
    code = f"""
    import logging, warnings
    from lib.secret import Secret
    log.hide('mysql+pymysql://u:topsecretdsn@db/shop')
    forms = {forms!r}
    log.info('plain', values=forms, nested={{'a': forms}}, secret=Secret(forms[0]))
    log.info('error', error=ValueError(forms[0]))
    log.info(' '.join(forms))
    logging.getLogger('urllib3.connectionpool').warning('retry %s', forms[3])
    logging.getLogger('apprise').debug('posting to %s', forms[3])
    warnings.warn(forms[4])
    try:
        raise KeyError(forms[0])
    except KeyError as inner:
        try:
            raise RuntimeError('outer') from inner
        except RuntimeError as error:
            log.exception('chained', error)
    """
    environ = {
        "STARROCKS_USER": "loader",
        "STARROCKS_PASSWORD": PASSWORD,
        "NOTIFY_CRITICAL": hook,
        "NIGHTSHIFT_LOG": style,
    }
    done = run(START + dedent(code), environ)
    assert done.returncode == 0, done.stderr
    assert [form for form in forms if form in done.stderr] == []
    assert json.dumps(PASSWORD)[1:-1] not in done.stderr
    assert "chained" in done.stderr
    assert "retry ***" in done.stderr
    assert "posting to" not in done.stderr


def test_libraries_speak_through_the_same_pipeline(run: Run) -> None:
    code = """
    import logging
    logging.getLogger('confluent_kafka').warning('lag %d', 3)
    logging.getLogger('urllib3').info('not this')
    logging.getLogger('odd').warning('%d', 'no number')
    """
    first, second = lines(run(START + dedent(code)).stderr)
    assert (first["event"], first["logger"], first["job"]) == ("lag 3", "confluent_kafka", "load_facts")
    assert second["event"] == "%d"


def test_the_log_works_while_the_settings_are_wrong(run: Run) -> None:
    done = run(START + "log.error('settings', n=1)", {"STARROCKS_PORT": "abc"})
    assert lines(done.stderr)[0]["event"] == "settings"


def test_values_that_json_does_not_know(run: Run) -> None:
    code = """
    import datetime, decimal, pathlib
    class Broken:
        def __str__(self): raise OSError('x')
    log.info('e', day=datetime.date(2026, 11, 1), amount=decimal.Decimal('1.10'), nan=float('nan'), big=2**70,
             path=pathlib.Path('/tmp'), broken=Broken(), none=None, half='\\udc80', keys={1: (2,)})
    """
    done = run(START + dedent(code))
    line = lines(done.stderr)[0]
    assert (line["day"], line["amount"], line["nan"], line["big"]) == ("2026-11-01", "1.10", "nan", 2**70)
    assert (line["none"], line["keys"], line["half"]) == (None, {"1": [2]}, "\udc80")
    assert "OSError" in line["broken"]


def test_text_cannot_forge_lines_or_move_the_cursor(run: Run) -> None:
    code = START + "log.info('row', name='a\\nERROR all lost', bell='\\x1b[2J\\x07')"
    shown = run(code, {"NIGHTSHIFT_LOG": "text"}).stderr
    assert len(shown.splitlines()) == 1
    assert "\x1b" not in shown and "\x07" not in shown


def test_a_full_disk_does_not_change_the_exit_code(run: Run) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full on this system")
    with full.open("w") as stderr:
        done = run(START + "log.info('x'); print('done')", capture_output=False, stderr=stderr, stdout=-1)
    assert (done.returncode, done.stdout) == (0, "done\n")


def test_a_closed_stderr_does_not_change_the_exit_code(run: Run) -> None:
    code = "import subprocess, sys\n"
    code += f"inner = {START + 'log.info(1); log.error(2)'!r}\n"
    code += "shell = ['/bin/sh', '-c', '\"$0\" -c \"$1\" 2>&-', sys.executable, inner]\n"
    code += "sys.exit(subprocess.run(shell).returncode)"
    assert run(code).returncode == 0


def test_on_a_terminal_the_log_is_for_eyes(run: Run) -> None:
    master, slave = pty.openpty()
    try:
        done = run(START + "log.info('loaded', rows=3)", capture_output=False, stderr=slave, stdout=-1)
        shown = os.read(master, 4096).decode()
    finally:
        os.close(slave)
        os.close(master)
    assert done.returncode == 0
    assert "loaded" in shown and not shown.startswith("{")


@contextmanager
def forgetting() -> Iterator[None]:
    """What is hidden here must not be missing in the output of other tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redaction, "_hidden", set())
        patch.setattr(redaction, "_pattern", None)
        patch.setenv("STARROCKS_HOST", "127.0.0.1")
        yield


@given(st.text(min_size=4), st.text(), st.text())
def test_redaction_never_leaves_a_hidden_text(secret: str, before: str, after: str) -> None:
    with forgetting():
        redaction.hide(secret)
        assert secret not in redaction.redact(before + secret + after).replace(redaction.SHOWN, "\0")


def test_short_texts_are_not_hidden() -> None:
    with forgetting():
        redaction.hide("ab")
        assert redaction.redact("a table") == "a table"


def test_the_keys_of_a_url_are_hidden_and_its_host_is_not() -> None:
    with forgetting():
        redaction.hide("mysql://u:p%40ssword@db-1.internal/shop pagerduty://INTEGRATION1234567@APIKEY1234567890/x")
        shown = redaction.redact("db-1.internal shop p@ssword p%40ssword INTEGRATION1234567 APIKEY1234567890")
    assert shown == "db-1.internal shop *** *** *** ***"


def test_a_password_with_blanks_is_one_text() -> None:
    with forgetting():
        redaction.hide("load the facts")
        assert redaction.redact("load the data; load the facts") == "load the data; ***"
