"""Receivers of alarms on loopback: a webhook and a mail server that keep what they get.

For: the tests of alarms. Belongs here: just enough HTTP and SMTP, and ways to refuse. Does not
belong here: what is expected of a message.
"""

from __future__ import annotations

import email
import json
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Webhook:
    """What was posted, and how to answer the next ones: `status` for all, or one by one."""

    port: int = 0
    status: int = 200
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alarms"

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]

    @property
    def said(self) -> list[tuple[str, str, str]]:
        """Event, district and cause of each message."""
        return [(one["event"], one["district"], one["cause"]) for one in self.messages]


@contextmanager
def webhook() -> Iterator[Webhook]:
    """An HTTP server that takes alarms."""
    kept = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if kept.status == 200:
                kept.bodies.append(body)
                kept.headers.append(dict(self.headers))
            self.send_response(kept.status)
            if kept.status in (302, 307):
                self.send_header("Location", f"http://localhost:{kept.port}/elsewhere")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield kept
        server.shutdown()
        thread.join()


@dataclass
class Mailbox:
    """What was mailed. `refuses` are the recipients that the server refuses.

    It takes `seconds` to look into a mail, and answers QUIT with `at_quit`.
    """

    port: int = 0
    refuses: tuple[str, ...] = ()
    seconds: float = 0
    at_quit: str = "221 bye"
    messages: list[Message] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)

    @property
    def subjects(self) -> list[str]:
        return [str(message["Subject"]) for message in self.messages]


def certificate(folder: Path) -> Path:
    """A file with a key and a certificate of `localhost` that nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    path = folder / "mail.pem"
    path.write_bytes(private + signed.public_bytes(encoding))
    return path


@contextmanager
def mailbox(encryption: str = "none", pem: Path | None = None) -> Iterator[Mailbox]:
    """An SMTP server that takes mail: RFC 5321 and 3207, as far as smtplib speaks them.

    `pem` is its key and certificate, for one that speaks TLS.
    """
    kept = Mailbox()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if pem is not None:
        tls.load_cert_chain(pem)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with suppress(ssl.SSLError, OSError):  # a client that does not trust us hangs up
                self.converse()

        def encrypt(self) -> None:
            self.connection = tls.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb")

        def converse(self) -> None:
            if encryption == "tls":
                self.encrypt()
            self.say("220 here")
            to: list[str] = []
            while line := self.rfile.readline():
                verb = line[:4].upper()
                if verb == b"EHLO" and encryption == "starttls":
                    self.say("250-here")
                    self.say("250 STARTTLS")
                    continue
                if verb == b"STAR":
                    self.say("220 go on")
                    self.encrypt()
                    continue
                if verb == b"DATA":
                    self.say("354 go on")
                    text = b"".join(iter(self.rfile.readline, b".\r\n"))
                    kept.messages.append(email.message_from_bytes(text))
                    kept.recipients.append(to)
                    time.sleep(kept.seconds)
                elif verb == b"RCPT":
                    address = line.decode().partition("<")[2].partition(">")[0]
                    if address in kept.refuses:
                        self.say("450 nobody of that name now")
                        continue
                    to.append(address)
                elif verb == b"QUIT":
                    self.say(kept.at_quit)
                    return
                self.say("250 well")

        def say(self, text: str) -> None:
            self.connection.sendall(f"{text}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        kept.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield kept
        server.shutdown()
        thread.join()
