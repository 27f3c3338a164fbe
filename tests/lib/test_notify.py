"""Notification through apprise to servers on loopback: a webhook, a mail server, Slack's own plugin, a dead one."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from lib import notify
from lib.notify import Delivery
from tests.lib.conftest import Run
from tests.lib.scripted_starrocks import Listener, Play, http

Environment = Callable[..., None]


@pytest.fixture
def hook() -> Iterator[Listener]:
    listener = Listener(lambda _: Play(http("ok")))
    yield listener
    listener.close()


class Mailbox(Message):
    """Keeps the messages that a mail server got."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Any] = []

    def prepare_message(self, session: Any, envelope: Any) -> Any:  # noqa: ARG002 - the interface of aiosmtpd
        """The message as it came over the wire."""
        return message_from_bytes(envelope.content)

    def handle_message(self, message: Any) -> None:
        """Keep it."""
        self.messages.append(message)


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


def test_a_webhook_gets_title_and_body(environment: Environment, hook: Listener) -> None:
    environment(NOTIFY_CRITICAL=f"json://127.0.0.1:{hook.port}/path")
    sent = notify.send("CRITICAL", "load_facts failed", "fact_trade: 3 rows\nsecond line")
    assert sent == Delivery(configured=True, delivered=True, detail="1 of 1 delivered")
    message = json.loads(hook.requests[0].body)
    assert (message["title"], message["type"]) == ("load_facts failed", "failure")
    assert message["message"] == "fact_trade: 3 rows\nsecond line"


def test_each_severity_has_its_own_addresses(environment: Environment, hook: Listener) -> None:
    environment(NOTIFY_WARNING=f"json://127.0.0.1:{hook.port}/a  json://127.0.0.1:{hook.port}/b")
    assert notify.send("CRITICAL", "t", "b") == Delivery(False, False, "NOTIFY_CRITICAL is not set")
    assert notify.send("WARNING", "t", "b").detail == "2 of 2 delivered"
    assert sorted(request.path for request in hook.requests) == ["/a", "/b"]


def test_mail_arrives_with_its_attachment(
    environment: Environment, mailbox: tuple[Mailbox, int], tmp_path: Path
) -> None:
    box, port = mailbox
    report = tmp_path / "report.csv"
    report.write_text("check,rows\nunique,3\n")
    environment(NOTIFY_INFO=f"mailto://127.0.0.1:{port}?mode=insecure&from=night@example.com&to=dev@example.com")
    sent = notify.send("INFO", "verify: 1 finding", "a < b", attach=[report, tmp_path / "missing.csv"])
    assert sent.delivered, sent.detail
    (message,) = box.messages
    assert message["Subject"] == "verify: 1 finding"
    attached = [part for part in message.walk() if part.get_filename() == "report.csv"]
    assert attached[0].get_payload(decode=True) == report.read_bytes()


def test_slack_commands_are_made_harmless(
    environment: Environment, hook: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apprise.plugins.slack import NotifySlack

    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://127.0.0.1:{hook.port}/services")
    environment(NOTIFY_CRITICAL="slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#night?blocks=yes&image=no")
    sent = notify.send("CRITICAL", "<!channel> down", "row <!here> and <@U123> and <#C1|room> and a < b & c")
    assert sent.delivered, sent.detail
    text = hook.requests[0].body.decode()
    assert not re.search(r"<[!@#]", text)
    assert "!here" in text and "down" in text


def test_one_incident_for_repeated_messages(
    environment: Environment, hook: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apprise.plugins import pagerduty

    lookup = dict.fromkeys(pagerduty.PAGERDUTY_API_LOOKUP, f"http://127.0.0.1:{hook.port}/")
    monkeypatch.setattr(pagerduty, "PAGERDUTY_API_LOOKUP", lookup)
    hook.handler = lambda _: Play(http("{}", 202))
    environment(NOTIFY_CRITICAL="pagerduty://INTEGRATIONKEY@APIKEY12345/night/dw")
    sent = notify.send("CRITICAL", "t", "b", dedup_key="load_facts-crashed")
    assert sent.delivered, sent.detail
    assert json.loads(hook.requests[0].body)["dedup_key"] == "load_facts-crashed"


def test_secrets_are_in_no_message_and_no_result(environment: Environment, hook: Listener) -> None:
    token = "abcdefghijklmnopqrstuvwxyz012345"
    environment(
        STARROCKS_PASSWORD="hunter2hunter2",
        NOTIFY_CRITICAL=f"json://127.0.0.1:{hook.port}/{token} json://u:{token}@127.0.0.1:9/{token}",
    )
    sent = notify.send("CRITICAL", "no login with hunter2hunter2", "hunter2hunter2")
    assert sent.delivered and sent.detail.startswith("1 of 2 delivered; json: ")
    assert token not in sent.detail
    assert b"hunter2" not in hook.requests[0].body


def test_long_and_odd_text_is_cut_and_cleaned(environment: Environment, hook: Listener) -> None:
    environment(NOTIFY_CRITICAL=f"json://127.0.0.1:{hook.port}")
    notify.send("CRITICAL", "x" * 500 + "\n\x1b[2J", "line\x00\n" * 5000)
    notify.send("CRITICAL", "title alone", "")
    first, second = (json.loads(request.body) for request in hook.requests)
    assert len(first["title"]) == notify.TITLE and "\n" not in first["title"]
    assert len(first["message"]) < notify.BODY + 100
    assert re.search(r"line\s*\n\.\.\. cut: \d+ more characters are in the log$", first["message"])
    assert second["message"] == "title alone"


def test_a_failing_service_is_a_result_and_no_error(environment: Environment, hook: Listener) -> None:
    hook.handler = lambda _: Play(http("no", 500))
    environment(NOTIFY_CRITICAL=f"json://127.0.0.1:{hook.port} mailto://127.0.0.1:9?to=a@b.example nonsense")
    sent = notify.send("CRITICAL", "t", "b")
    assert (sent.configured, sent.delivered) == (True, False)
    assert sent.detail.startswith("0 of 3 delivered; json: ")
    assert "an address without scheme: apprise does not understand the address" in sent.detail


def test_settings_that_are_wrong_are_a_result(environment: Environment) -> None:
    environment(STARROCKS_PORT="abc")
    assert notify.send("CRITICAL", "t", "b").configured is False


def test_check_names_position_and_scheme_but_never_the_url(environment: Environment) -> None:
    environment(
        NOTIFY_CRITICAL="json://127.0.0.1:1/x slack://short carrier-pigeon://secret-loft/key",
        NOTIFY_INFO="https-without-colon-secret",
    )
    faults = notify.check()
    assert [fault.split(" is none")[0] for fault in faults] == [
        "NOTIFY_CRITICAL: address 2 (slack)",
        "NOTIFY_CRITICAL: address 3 (carrier-pigeon)",
        "NOTIFY_INFO: address 1 (an address without scheme)",
    ]
    assert "secret" not in "".join(faults)


def test_a_dead_mail_server_holds_up_neither_the_call_nor_the_process(run: Run) -> None:
    code = """
    import time
    from lib import notify
    notify.DEADLINE = 1.5
    began = time.monotonic()
    sent = notify.send("CRITICAL", "t", "b")
    print(time.monotonic() - began, sent.delivered, sent.detail)
    """
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"mailto://127.0.0.1:{silent.getsockname()[1]}?mode=insecure&from=a@b.example&to=a@b.example&rto=60"
        began = time.monotonic()
        done = run(code, {"NOTIFY_CRITICAL": url})
        took = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    seconds, delivered, detail = done.stdout.split(maxsplit=2)
    assert float(seconds) < 3 and took < 20, "bounded; the server would have taken a minute"
    assert (delivered, detail.strip()) == ("False", "0 of 1 delivered; mailto: no answer in time")


def test_apprise_is_imported_only_to_send(run: Run) -> None:
    code = """
    import sys
    from lib import notify
    notify.send("CRITICAL", "t", "b")
    print("apprise" in sys.modules)
    """
    assert run(code).stdout.strip() == "False"
