"""How a notice travels: a signed webhook, or mail; for no longer than a receiver may take.

Belongs here: one attempt. Does not belong here: when there is another (`delivery.py`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import smtplib
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any

from connect_pipeline.alarms.notice import Notice
from connect_pipeline.errors import SettingsError
from connect_pipeline.settings import Mail, Webhook

ADDRESS_REFUSED = smtplib.SMTPRecipientsRefused.__name__
"""What is said of a mail of which an address was refused, and not the server."""
SIGNATURE_HEADER = "X-Connect-Signature"
CHANNEL_SECONDS = 10
"""For one delivery: a dead receiver must not hold anybody up."""
MAIL_SECONDS = 30
"""For a mail that was handed over: servers look into it before they answer (RFC 5321, 4.5.3.2.6),
and whoever does not wait sends it again."""


def send(channel: Webhook | Mail, notice: Notice) -> str | None:
    """Send one notice; None when it was taken, else why not (never an address or a secret)."""
    try:
        if isinstance(channel, Webhook):
            _within(CHANNEL_SECONDS, _post, channel, notice)
        else:
            _within(CHANNEL_SECONDS + MAIL_SECONDS, _mail, channel, notice)
    except urllib.error.HTTPError as error:
        return f"the webhook answered {error.code}"
    except SettingsError as error:
        return str(error)
    except Exception as error:  # whatever a receiver does, it fails no run
        reason = getattr(error, "reason", error)
        return type(reason if isinstance(reason, Exception) else error).__name__
    return None


def _within(seconds: float, send: Callable[..., None], *arguments: Any) -> None:
    """Call `send`, and wait no longer: a receiver that answers byte by byte meets every timeout.

    Raises what it raises, and `TimeoutError` when it takes longer; then it is left to itself.
    """
    faults: list[Exception] = []

    def call() -> None:
        try:
            send(*arguments)
        except Exception as error:  # told by who waits
            faults.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError
    if faults:
        raise faults[0]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A signed message goes to the address in the settings and to no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _post(webhook: Webhook, notice: Notice) -> None:
    body = json.dumps(notice.payload(), sort_keys=True).encode()
    request = urllib.request.Request(  # noqa: S310 - the settings allow https and loopback only
        webhook.url,
        data=body,
        method="POST",
        headers={
            "Content-Type": "application/json",
            "User-Agent": "connect-pipeline",
            SIGNATURE_HEADER: signature(_secret(webhook.secret_env), body),
        },
    )
    opener = urllib.request.build_opener(_NoRedirect)
    with opener.open(request, timeout=CHANNEL_SECONDS) as answer:
        answer.read(1024)


def signature(secret: str, body: bytes) -> str:
    """What a receiver compares with `X-Connect-Signature`: HMAC-SHA-256 over the body, in hex."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def _mail(mail: Mail, notice: Notice) -> None:
    payload = notice.payload()
    word = "all clear" if notice.event == "all_clear" else "alarm"
    message = EmailMessage()
    message["Subject"] = f"[connect] {payload['district']}: {word}, {payload['cause']}"
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.to)
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=mail.sender.rpartition("@")[2])
    codes = "\n".join(f"  {code}: {count}" for code, count in payload["codes"].items())
    message.set_content(
        f"{payload['says']}\n\n"
        f"district: {payload['district']}\njob: {payload['job']}\ncause: {payload['cause']}\n"
        f"night: {payload['night']}\nrun: {payload['run_id'] or 'none'}\nat: {payload['at']}\n"
        f"codes:\n{codes or '  none'}\n"
    )
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if mail.encryption == "tls":
        server = smtplib.SMTP_SSL(mail.host, mail.port, timeout=CHANNEL_SECONDS, context=context)
    else:
        server = smtplib.SMTP(mail.host, mail.port, timeout=CHANNEL_SECONDS)
    try:
        if mail.encryption == "starttls":
            server.starttls(context=context)
        if mail.username is not None and mail.password_env is not None:
            server.login(mail.username, _secret(mail.password_env))
        if server.sock is not None:
            server.sock.settimeout(MAIL_SECONDS)
        server.send_message(message)
        with suppress(smtplib.SMTPException, OSError):  # whatever becomes of that, it has the mail
            server.putcmd("quit")
    finally:
        server.close()


def _secret(variable: str) -> str:
    secret = os.environ.get(variable)
    if not secret:
        raise SettingsError(
            f"The environment variable {variable}, which an alarm needs, is not set. Set it."
        )
    return secret
