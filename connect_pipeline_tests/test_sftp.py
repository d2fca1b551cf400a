"""The drop over real SSH: the embedded server and, where there is one, OpenSSH's.

What only a misbehaving server shows is shown with the embedded one, told to misbehave.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import random
import resource
import socket
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    cMSG_CHANNEL_DATA,
    cMSG_CHANNEL_EXTENDED_DATA,
    cMSG_IGNORE,
)

from connect_pipeline import settings, sftp
from connect_pipeline.disk import PARTIAL_SUFFIX
from connect_pipeline.errors import (
    AccessFault,
    EnvironmentFault,
    FileChanged,
    LoginBroken,
    Refused,
    SettingsError,
    TransientFault,
)
from connect_pipeline.landing.bytes_pass import scan_file
from connect_pipeline.sample.server import (
    EmbeddedServer,
    Files,
    Handle,
    Login,
    generate_key,
    generate_private_key,
)
from connect_pipeline.sftp import (
    Drop,
    FileMissing,
    FileTooLarge,
    NotAFile,
    RemoteFile,
    login,
    patience,
    wire,
)
from connect_pipeline.sftp.faults import our_faults
from connect_pipeline_tests.bad_line import flipping_line
from connect_pipeline_tests.sshd import OpenSshd

NAME = "StudentExport.csv"
PASSWORD = "quietly-wrong-or-right"
NO_LIMIT = 2**40
BLOCK = 255 * 1024


@dataclass
class Server:
    """A server whose drop is `folder` on this machine."""

    folder: Path
    sftp: settings.Sftp
    environment: Mapping[str, str] = field(default_factory=dict)

    def connect(self, **changes: object) -> AbstractContextManager[Drop]:
        chosen = self.sftp.model_copy(update=changes)
        return sftp.connect(chosen, environment=self.environment)

    def write(self, content: bytes, name: str = NAME) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path


@contextmanager
def embedded(folder: Path, **options: object) -> Iterator[tuple[Server, EmbeddedServer]]:
    """An embedded server with one folder, `/exports`."""
    exports = folder / "root" / "exports"
    exports.mkdir(parents=True, exist_ok=True)
    with EmbeddedServer(folder / "root", "demo", PASSWORD, **options) as server:  # type: ignore[arg-type]
        reached = settings.Sftp(
            host="127.0.0.1",
            port=server.port,
            username="demo",
            password_env="DROP_PASSWORD",
            host_key=server.host_key_line,
            folder="/exports",
        )
        yield Server(exports, reached, {"DROP_PASSWORD": PASSWORD}), server


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSshd]:
    with OpenSshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(params=["embedded", "openssh"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """The promises that hold for every server are tested against both."""
    if request.param == "embedded":
        with embedded(tmp_path) as (reached, _):
            yield reached
    else:
        exports = tmp_path / "exports"
        exports.mkdir()
        yield Server(exports, request.getfixturevalue("sshd").settings(exports))


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    return tmp_path / "home" / "landing" / "demo"


def some_bytes(count: int) -> bytes:
    return random.Random(count).randbytes(count)  # noqa: S311


def nothing_left(landing: Path) -> bool:
    return not landing.exists() or list(landing.iterdir()) == []


# --- Looking ----------------------------------------------------------------------------------


def test_a_look_shows_every_name_but_unfinished_uploads_and_folders(server: Server) -> None:
    os.utime(server.write(b"ID\n"), (1_700_000_000, 1_700_000_001))
    server.write(b"", "Student Export (1).csv")
    for name in ("A.csv.part", "A.csv.TMP", "A.csv.filepart", ".hidden"):
        server.write(b"x", name)
    (server.folder / "Logs").mkdir()
    (server.folder / "Link.csv").symlink_to(NAME)
    with server.connect() as drop:
        seen = drop.look()
    assert set(seen) == {NAME, "Student Export (1).csv", "Link.csv"}
    assert seen[NAME] == RemoteFile(NAME, 3, 1_700_000_001, True)
    assert not seen["Link.csv"].is_regular


def test_a_folder_in_the_place_of_an_export_is_seen(server: Server) -> None:
    for name in (NAME, "SchoolExport.csv", "Logs.csv"):
        (server.folder / name).mkdir()
    with server.connect() as drop:
        seen = drop.look()
    assert {name: one.is_regular for name, one in seen.items()} == {
        NAME: False,
        "SchoolExport.csv": False,
    }


def test_a_name_that_is_not_utf8_does_not_hide_the_others(server: Server) -> None:
    server.write(b"ID\n")
    if server.sftp.folder != "/exports":  # paramiko's server side cannot send such a name
        (Path(os.fsdecode(os.fsencode(server.folder) + b"/caf\xe9.csv"))).write_bytes(b"")
    with server.connect() as drop:
        assert NAME in drop.look()


def test_a_look_at_a_large_folder_is_complete(server: Server) -> None:
    names = {f"Old{number:04}.csv" for number in range(500)}
    for name in names:
        server.write(b"", name)
    with server.connect() as drop:
        assert set(drop.look()) == names
        assert set(drop.look()) == names


@pytest.mark.parametrize(("bound", "most"), [("MOST_NAMES", 100), ("MOST_CHARACTERS", 1110)])
def test_a_listing_without_end_is_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    monkeypatch.setattr(wire, bound, most)
    for number in range(101):
        server.write(b"", f"Old{number:04}.csv")
    with (
        server.connect() as drop,
        pytest.raises(EnvironmentFault, match="more names in the folder") as caught,
    ):
        drop.look()
    assert not isinstance(caught.value, TransientFault)
    monkeypatch.setattr(wire, bound, most + 1)
    with server.connect() as drop:
        assert len(drop.look()) == 101


def test_a_missing_folder_is_one_clear_sentence(server: Server) -> None:
    with (
        server.connect(folder="/no/such/folder") as drop,
        pytest.raises(EnvironmentFault, match="has no folder /no/such/folder") as caught,
    ):
        drop.look()
    assert not isinstance(caught.value, TransientFault)


# --- Fetching ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 70 * BLOCK + 7])
def test_a_file_arrives_whole_under_its_contents_name(
    server: Server, landing: Path, size: int
) -> None:
    content = some_bytes(size)
    os.utime(server.write(content), (1_700_000_000, 1_700_000_000))
    with server.connect() as drop:
        fetched = drop.fetch(NAME, landing, NO_LIMIT)
    assert fetched.path == landing / hashlib.sha256(content).hexdigest()
    assert fetched.path.read_bytes() == content
    assert (fetched.name, fetched.facts.byte_count, fetched.mtime) == (NAME, size, 1_700_000_000)
    assert fetched.facts == scan_file(fetched.path)
    assert list(landing.iterdir()) == [fetched.path]


def test_what_arrives_is_readable_by_its_owner_only(server: Server, landing: Path) -> None:
    server.write(b"ID\n1\n")
    with server.connect() as drop:
        fetched = drop.fetch(NAME, landing, NO_LIMIT)
    assert stat.S_IMODE(fetched.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(landing.stat().st_mode) == 0o700


def test_one_connection_fetches_many_files_and_the_same_one_again(
    server: Server, landing: Path
) -> None:
    server.write(b"ID\n1\n")
    server.write(b"ID\n2\n", "StaffExport.csv")
    with server.connect() as drop:
        first = drop.fetch(NAME, landing, NO_LIMIT)
        assert drop.fetch("StaffExport.csv", landing, NO_LIMIT).path != first.path
        assert drop.fetch(NAME, landing, NO_LIMIT) == first
    assert len(list(landing.iterdir())) == 2


def test_a_missing_file_is_said_and_not_retried(server: Server, landing: Path) -> None:
    with server.connect() as drop, pytest.raises(FileMissing, match=f"has no file {NAME}"):
        drop.fetch(NAME, landing, NO_LIMIT)
    assert nothing_left(landing)
    assert not issubclass(FileMissing, TransientFault)


def test_names_are_exact(server: Server, landing: Path) -> None:
    server.write(b"ID\n", "studentexport.csv")
    with server.connect() as drop, pytest.raises(FileMissing):
        drop.fetch(NAME, landing, NO_LIMIT)


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_only_regular_files_are_read(server: Server, landing: Path, kind: str) -> None:
    path = server.folder / NAME
    if kind == "link":
        path.symlink_to(server.write(b"ID\n", "Target.csv"))
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    with server.connect() as drop, pytest.raises(NotAFile, match="not a regular file") as caught:
        drop.fetch(NAME, landing, NO_LIMIT)
    assert isinstance(caught.value, Refused)
    assert nothing_left(landing)


def test_a_file_over_the_limit_is_not_read(server: Server, landing: Path) -> None:
    server.write(b"x" * 101)
    with server.connect() as drop:
        with pytest.raises(FileTooLarge, match="has 101 bytes; the limit is 100") as caught:
            drop.fetch(NAME, landing, 100)
        assert drop.fetch(NAME, landing, 101).facts.byte_count == 101
    assert isinstance(caught.value, Refused)


def test_a_file_that_grows_meanwhile_is_not_used(server: Server, landing: Path) -> None:
    path = server.write(some_bytes(40 * BLOCK))
    stop = threading.Event()

    def append() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b"more\n")

    writer = threading.Thread(target=append)
    writer.start()
    try:
        with server.connect() as drop, pytest.raises(FileChanged, match="changed while"):
            drop.fetch(NAME, landing, NO_LIMIT)
    finally:
        stop.set()
        writer.join()
    assert nothing_left(landing)


def test_a_full_disk_is_one_clear_sentence_and_the_connection_lives_on(
    server: Server, landing: Path
) -> None:
    server.write(some_bytes(40 * BLOCK))
    server.write(b"ID\n", "StaffExport.csv")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with server.connect() as drop:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3 * BLOCK, hard))
        try:
            with pytest.raises(
                EnvironmentFault, match=r"Could not write .*: File too large"
            ) as full:
                drop.fetch(NAME, landing, NO_LIMIT)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert not isinstance(full.value, TransientFault)
        assert nothing_left(landing)
        assert drop.fetch("StaffExport.csv", landing, NO_LIMIT).facts.byte_count == 3


# --- Putting ----------------------------------------------------------------------------------


def test_a_put_file_appears_whole_and_replaces_the_older_one(server: Server) -> None:
    content = some_bytes(300_000)
    with server.connect() as drop:
        drop.put(b"old", drop.folder, "report.html")
        drop.put(content, drop.folder, "report.html")
    assert [path.name for path in server.folder.iterdir()] == ["report.html"]
    assert (server.folder / "report.html").read_bytes() == content


def test_putting_into_a_missing_folder_is_one_clear_sentence(server: Server) -> None:
    with (
        server.connect() as drop,
        pytest.raises(EnvironmentFault, match="has no folder /no/such"),
    ):
        drop.put(b"x", "/no/such", "report.html")


def test_a_put_file_that_does_not_get_its_name_leaves_nothing_behind(tmp_path: Path) -> None:
    class Nameless(Files):
        def rename(self, oldpath: str, newpath: str) -> int:
            return paramiko.sftp.SFTP_FAILURE

        posix_rename = rename

    with embedded(tmp_path, files=Nameless) as (reached, _):
        with reached.connect() as drop, pytest.raises(TransientFault, match="a failure with"):
            drop.put(b"x", drop.folder, "report.html")
        assert list(reached.folder.iterdir()) == []


# --- Who is there, and who we are -------------------------------------------------------------


def test_another_host_key_is_refused_with_both_fingerprints(server: Server) -> None:
    other = generate_key()
    pinned = f"ssh-ed25519 {other.get_base64()}"
    with pytest.raises(EnvironmentFault) as caught, server.connect(host_key=pinned):
        pass
    text = str(caught.value)
    assert other.fingerprint in text
    assert fingerprint(server.sftp.host_key) in text
    assert "No login was attempted" in text
    assert not isinstance(caught.value, TransientFault)


def fingerprint(line: str) -> str:
    digest = hashlib.sha256(base64.b64decode(line.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


@pytest.mark.parametrize("kind", ["same kind", "other kind"])
def test_no_login_is_tried_on_a_server_with_another_host_key(tmp_path: Path, kind: str) -> None:
    key = generate_key() if kind == "same kind" else paramiko.ECDSAKey.generate()
    with embedded(tmp_path, host_key=key) as (reached, server):
        pinned = f"ssh-ed25519 {generate_key().get_base64()}"
        with (
            pytest.raises(EnvironmentFault, match="another host key"),
            reached.connect(host_key=pinned),
        ):
            pass
        assert server.connection_count == 1
        assert server.auth_attempts == []


def test_a_server_with_several_keys_shows_the_pinned_one(tmp_path: Path) -> None:
    key = paramiko.ECDSAKey.generate()
    (tmp_path / "sshd").mkdir()
    key.write_private_key_file(str(tmp_path / "sshd" / "ecdsa_key"))
    extra = f"HostKey {tmp_path}/sshd/ecdsa_key"
    with OpenSshd(tmp_path / "sshd", extra) as server:
        found = server.settings(tmp_path)
        ecdsa = f"{key.get_name()} {key.get_base64()}"
        for line in (found.host_key, ecdsa):
            with sftp.connect(found.model_copy(update={"host_key": line})) as drop:
                drop.look()


def test_an_rsa_host_key_is_pinned_like_any_other(tmp_path: Path) -> None:
    with (
        embedded(tmp_path, host_key=paramiko.RSAKey.generate(2048)) as (reached, _),
        reached.connect() as drop,
    ):
        assert reached.sftp.host_key.startswith("ssh-rsa ")
        assert drop.look() == {}


@pytest.mark.parametrize(
    "line", ["ssh-ed25519 AAAA", "ssh-ed25519 %%%", "ssh-dss AAAAB3NzaC1kc3M="]
)
def test_a_host_key_that_is_no_key_is_a_mistake_in_the_settings(tmp_path: Path, line: str) -> None:
    with embedded(tmp_path) as (reached, server):
        with pytest.raises(SettingsError, match="host_key"), reached.connect(host_key=line):
            pass
        assert server.auth_attempts == []


def test_a_wrong_password_is_tried_once_and_shown_nowhere(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with embedded(tmp_path) as (reached, server):
        reached.environment = {"DROP_PASSWORD": "not-this-one"}
        with pytest.raises(EnvironmentFault, match="refused the login") as caught:
            sftp.with_retries(lambda: reached.connect().__enter__())
        assert server.auth_attempts == [("password", "demo")]
    assert "not-this-one" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


class Asks(Login):
    """Takes no password but as the answer to questions: a text, and whether the answer is shown."""

    rounds: tuple[tuple[tuple[str, bool], ...], ...] = ((("Password: ", False),),)
    answers: list[str]

    def get_allowed_auths(self, username: str) -> str:
        return "keyboard-interactive"

    def check_auth_password(self, username: str, password: str) -> int:
        return self._result("password", username, False)

    def check_auth_interactive(self, username: str, submethods: str) -> paramiko.InteractiveQuery:
        type(self).answers = []
        self.left = list(self.rounds)
        return self.ask()

    def check_auth_interactive_response(
        self, responses: list[str]
    ) -> int | paramiko.InteractiveQuery:
        self.answers.extend(responses)
        if self.left and PASSWORD in self.answers:
            return self.ask()
        return AUTH_SUCCESSFUL if PASSWORD in self.answers else AUTH_FAILED

    def ask(self) -> paramiko.InteractiveQuery:
        return paramiko.InteractiveQuery("", "", *self.left.pop(0))


PASSWORD_ONLY = Asks.rounds[0]


@pytest.mark.parametrize("rounds", [(PASSWORD_ONLY,), (PASSWORD_ONLY, ())])
def test_a_password_is_given_where_the_server_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rounds: tuple[tuple[tuple[str, bool], ...]]
) -> None:
    monkeypatch.setattr(Asks, "rounds", rounds)
    with embedded(tmp_path, login=Asks) as (reached, _):
        with reached.connect() as drop:
            assert drop.look() == {}
        assert Asks.answers == [PASSWORD]
        reached.environment = {"DROP_PASSWORD": "not-this-one"}
        with pytest.raises(AccessFault, match="refused the login"), reached.connect():
            pass
        assert Asks.answers == ["not-this-one"], "once"


@pytest.mark.parametrize(
    ("rounds", "answers"),
    [
        pytest.param(((("One-time code: ", True),),), [], id="shown"),
        pytest.param(((("Password: ", False), ("Code: ", False)),), [], id="two at once"),
        pytest.param((PASSWORD_ONLY, (("New: ", False),)), [PASSWORD], id="two in a row"),
    ],
)
def test_nothing_but_one_question_is_answered_with_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rounds: object, answers: list[str]
) -> None:
    monkeypatch.setattr(Asks, "rounds", rounds)
    with embedded(tmp_path, login=Asks) as (reached, server):
        with pytest.raises(AccessFault, match="asks for more"), reached.connect():
            pass
        assert Asks.answers == answers
        assert server.connection_count == 1


class Expired(Login):
    """Says that the password has expired, and wants a new one (RFC 4252, 8)."""

    def check_auth_password(self, username: str, password: str) -> int:
        message = paramiko.Message()
        message.add_byte(bytes([60]))
        message.add_string("Your password has expired.")
        message.add_string("")
        current_transport()._send_message(message)
        return self._result("password", username, False)


def current_transport() -> paramiko.Transport:
    thread = threading.current_thread()
    assert isinstance(thread, paramiko.Transport)
    return thread


def test_a_password_that_has_expired_is_said_and_not_tried_again(tmp_path: Path) -> None:
    with embedded(tmp_path, login=Expired) as (reached, server):
        with pytest.raises(AccessFault, match="such as a new one"):
            sftp.with_retries(lambda: reached.connect().__enter__())
        assert server.auth_attempts == [("password", "demo")]


def test_a_connection_that_breaks_with_the_login_is_told_apart(tmp_path: Path) -> None:
    class Locked(Login):
        def check_auth_password(self, username: str, password: str) -> int:
            raise EOFError

    with (
        embedded(tmp_path, login=Locked) as (reached, _),
        pytest.raises(LoginBroken, match=r"off during the login.*check the username"),
        reached.connect(),
    ):
        pass


def test_a_login_without_a_session_is_told_apart(tmp_path: Path) -> None:
    with (
        OpenSshd(tmp_path / "sshd", "ForceCommand /bin/false") as server,
        pytest.raises(LoginBroken, match="accepted the login but opens no SFTP session"),
        sftp.connect(server.settings(tmp_path)),
    ):
        pass


def test_a_key_that_the_server_does_not_know_is_refused(sshd: OpenSshd, tmp_path: Path) -> None:
    stranger = tmp_path / "key"
    stranger.write_text(generate_private_key())
    found = sshd.settings(tmp_path).model_copy(update={"private_key": stranger})
    with (
        pytest.raises(EnvironmentFault, match=r"refused the login|does not allow"),
        sftp.connect(found),
    ):
        pass


def test_a_key_logs_in_to_the_embedded_server(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(generate_private_key())
    key = paramiko.PKey.from_path(path)
    authorized = f"{key.get_name()} {key.get_base64()}"
    with (
        embedded(tmp_path, authorized_key=authorized) as (reached, server),
        reached.connect(password_env=None, private_key=path) as drop,
    ):
        assert drop.look() == {}
        assert server.auth_attempts[-1] == ("publickey", "demo")


@pytest.mark.parametrize("environment", [{}, {"DROP_PASSWORD": ""}])
def test_a_missing_password_variable_is_named(tmp_path: Path, environment: dict[str, str]) -> None:
    with embedded(tmp_path) as (reached, server):
        reached.environment = environment
        with pytest.raises(SettingsError, match="DROP_PASSWORD"), reached.connect():
            pass
        assert server.connection_count == 0


@pytest.mark.parametrize("content", [None, "not a key", "protected", "of another kind"])
def test_a_private_key_that_cannot_be_used_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "key"
    if content == "protected":
        paramiko.ECDSAKey.generate().write_private_key_file(str(path), password="secret")
    elif content == "of another kind":
        path.write_bytes(
            X25519PrivateKey.generate().private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            )
        )
    elif content is not None:
        path.write_text(content)
    with embedded(tmp_path) as (reached, _):
        changes = {"password_env": None, "private_key": path}
        with (
            pytest.raises(SettingsError, match=f"private key {path} cannot be read"),
            reached.connect(**changes),
        ):
            pass


@pytest.mark.parametrize(
    "only",
    [
        pytest.param("Ciphers aes128-cbc", id="weak cipher"),
        pytest.param("Ciphers aes128-ctr\nMACs hmac-sha1,hmac-md5", id="weak MACs"),
        pytest.param("KexAlgorithms diffie-hellman-group14-sha1", id="weak key exchange"),
        pytest.param("Ciphers chacha20-poly1305@openssh.com", id="other cipher"),
        pytest.param("KexAlgorithms sntrup761x25519-sha512@openssh.com", id="other key exchange"),
    ],
)
def test_a_server_with_other_algorithms_is_told_ours(tmp_path: Path, only: str) -> None:
    with (
        OpenSshd(tmp_path / "sshd", only) as server,
        pytest.raises(AccessFault, match="no algorithm in common with us") as caught,
        sftp.connect(server.settings(tmp_path)),
    ):
        pass
    text = str(caught.value)
    assert all(name in text for name in ("curve25519", "aes128-gcm@openssh.com", "hmac-sha2-256"))
    assert "weak" not in text


# --- Servers that fail ------------------------------------------------------------------------


def test_a_server_that_is_down_is_one_clear_sentence(tmp_path: Path) -> None:
    with embedded(tmp_path) as (reached, server):
        server.stop()
        expected = f"The SFTP server 127.0.0.1:{server.port} refused the connection"
        with pytest.raises(TransientFault, match=expected), reached.connect():
            pass


def test_a_host_that_does_not_exist_is_one_clear_sentence(tmp_path: Path) -> None:
    with (
        embedded(tmp_path) as (reached, _),
        pytest.raises(EnvironmentFault, match="cannot be resolved"),
        reached.connect(host="no-such-host.invalid"),
    ):
        pass


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "Try again"), True),
        (socket.gaierror(socket.EAI_NONAME, "Unknown"), False),
        (OSError(errno.EHOSTUNREACH, "No route"), True),
        (OSError(errno.EACCES, "Denied"), False),
        (OSError(errno.ENOENT, "Gone"), False),
        (OSError(), True),
        (EOFError(), True),
        (paramiko.ChannelException(1, "prohibited"), False),
        (paramiko.ChannelException(2, "connect failed"), True),
        (paramiko.ChannelException(4, "resource shortage"), True),
        (paramiko.AuthenticationException(), False),
    ],
    ids=repr,
)
def test_what_may_pass_by_itself_is_tried_again_and_nothing_else(
    error: Exception, passes: bool
) -> None:
    with pytest.raises(EnvironmentFault) as caught, our_faults("127.0.0.1:22", "folder /exports"):
        raise error
    assert isinstance(caught.value, TransientFault) == passes


@pytest.mark.parametrize(
    ("greeting", "passes"),
    [
        (b"", True),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9, True),
        (b"SSH-1.5-old\r\n", False),
    ],
)
def test_a_server_that_is_no_ssh_server_ends_soon(
    tmp_path: Path,
    greeting: bytes,
    passes: bool,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(patience, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener, embedded(tmp_path) as (reached, _):
        port = listener.getsockname()[1]
        held: list[socket.socket] = []

        def greet() -> None:
            connection, _ = listener.accept()
            connection.sendall(greeting)
            held.append(connection)

        threading.Thread(target=greet, daemon=True).start()
        began = time.monotonic()
        with pytest.raises(EnvironmentFault) as caught, reached.connect(port=port):
            pass
        assert isinstance(caught.value, TransientFault) == passes
        assert passes or "does not speak SSH 2" in str(caught.value)
        assert time.monotonic() - began < 3
        for connection in held:
            connection.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("greeting", [b"", b"SSH-2.0-x\r\n\xff\xff\xff\xf4\x04\x14"])
def test_a_stranger_is_given_up_when_it_has_sent_more_than_a_login_takes(
    tmp_path: Path, greeting: bytes
) -> None:
    """In a first line without an end, or in a packet that says that it has 4 GB."""
    with socket.create_server(("127.0.0.1", 0)) as listener, embedded(tmp_path) as (reached, _):

        def flood() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.sendall(greeting + b"A" * 400_000)
                ended.wait(10)

        ended = threading.Event()
        threading.Thread(target=flood, daemon=True).start()
        began = time.monotonic()
        with (
            pytest.raises(TransientFault, match="broke the connection off"),
            reached.connect(port=listener.getsockname()[1]),
        ):
            pass
        ended.set()
        assert time.monotonic() - began < 3


def test_a_flipped_bit_is_a_fault_of_the_line_and_the_next_connection_is_clean(
    tmp_path: Path,
) -> None:
    """In the key exchange (about 1,200 bytes, from 850 on), and in the login behind it."""
    broken = 0
    with embedded(tmp_path) as (reached, _):
        for at in (884, 1200, 2140, 2320, 2440):
            with flipping_line(reached.sftp.port, at) as port:
                try:
                    with reached.connect(port=port) as drop:
                        drop.look()
                except TransientFault:
                    broken += 1
                    with reached.connect(port=port) as drop:
                        assert drop.look() == {}
    assert broken >= 4, "a byte may say nothing"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_of_ours_in_the_login_is_no_fault_of_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def log_in(*_: object) -> None:
        raise TypeError

    with embedded(tmp_path) as (reached, _):
        with monkeypatch.context() as context:
            context.setattr(wire.Pieces, "__init__", lambda *_: None)  # fed by paramiko's thread
            with pytest.raises(AttributeError, match="_changed"), reached.connect():
                pass
        monkeypatch.setattr(login, "_log_in", log_in)
        with pytest.raises(TypeError), reached.connect():
            pass


def test_what_fills_the_window_is_kept_and_no_byte_more() -> None:
    pieces = wire.Pieces(10)
    pieces.feed(b"1234567890")
    assert (pieces.read(3), pieces.read(2), len(pieces)) == (b"123", b"45", 5)
    pieces.feed(b"abcde")
    with pytest.raises(paramiko.SSHException):
        pieces.feed(b"f")


@pytest.mark.parametrize("kind", [cMSG_CHANNEL_DATA, cMSG_CHANNEL_EXTENDED_DATA])
def test_a_server_that_sends_more_than_the_window_while_nobody_reads_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: bytes
) -> None:
    window = 1024 * 1024

    class Pushing(Files):
        def list_folder(self, path: str) -> list[paramiko.SFTPAttributes] | int:
            transport = self.server._transports[-1]
            threading.Thread(target=push, args=(transport,), daemon=True).start()
            return super().list_folder(path)

    def push(transport: paramiko.Transport) -> None:
        looked.wait(10)
        message = paramiko.Message()
        message.add_byte(kind)
        message.add_int(0)  # the channel, the only one
        if kind == cMSG_CHANNEL_EXTENDED_DATA:
            message.add_int(1)  # stderr
        message.add_string(bytes(window // 8))
        with suppress(EOFError):
            for _ in range(9):
                transport._send_user_message(message)  # type: ignore[attr-defined]

    looked = threading.Event()
    monkeypatch.setattr(login, "_WINDOW_BYTES", window)
    with embedded(tmp_path, files=Pushing) as (reached, _), reached.connect() as drop:
        drop.look()
        looked.set()
        drop._transport.join(1)
        assert not drop._transport.is_active()
        with pytest.raises(TransientFault, match="broke the connection off"):
            drop.look()


def test_a_server_that_sends_a_packet_larger_than_any_is_given_up(tmp_path: Path) -> None:
    class Large(Files):
        def list_folder(self, path: str) -> list[paramiko.SFTPAttributes] | int:
            message = paramiko.Message()
            message.add_byte(cMSG_IGNORE)
            message.add_string(bytes(1024 * 1024))
            self.server._transports[-1]._send_user_message(message)  # type: ignore[attr-defined]
            return super().list_folder(path)

    with (
        embedded(tmp_path, files=Large) as (reached, _),
        reached.connect() as drop,
        pytest.raises(TransientFault, match="broke the connection off"),
    ):
        drop.look()


def endless() -> paramiko.SFTPAttributes:
    """Attributes that say that 2**32 - 1 more follow, and end there."""

    def pack(message: paramiko.Message) -> None:
        message.add_int(paramiko.SFTPAttributes.FLAG_EXTENDED)
        message.add_int(2**32 - 1)

    attributes = paramiko.SFTPAttributes()
    attributes.filename = NAME
    attributes._pack = pack  # type: ignore[attr-defined]
    return attributes


@pytest.mark.parametrize("where", ["listing", "before", "opened", "put"])
def test_attributes_that_promise_more_than_they_hold_end_at_once(
    tmp_path: Path, landing: Path, where: str
) -> None:
    """Each count used to be looped over, for more than an hour, and no time-out ended it."""

    class Lying(Handle):
        def stat(self) -> paramiko.SFTPAttributes | int:
            return endless() if where == "opened" else super().stat()

    class LyingFiles(Files):
        handle_class = Lying

        def list_folder(self, path: str) -> list[paramiko.SFTPAttributes] | int:
            return [endless()] if where == "listing" else super().list_folder(path)

        def lstat(self, path: str) -> paramiko.SFTPAttributes | int:
            return endless() if where in ("before", "put") else super().lstat(path)

        stat = lstat

    with embedded(tmp_path, files=LyingFiles) as (reached, _):
        reached.write(b"ID\n")
        with reached.connect() as drop:
            work = {
                "listing": drop.look,
                "put": lambda: drop.put(b"x", drop.folder, "report.html"),
            }.get(where, lambda: drop.fetch(NAME, landing, NO_LIMIT))
            with pytest.raises(TransientFault, match="broke the connection"):
                work()
    assert nothing_left(landing)


def test_a_listing_that_promises_more_names_than_it_holds_is_refused(tmp_path: Path) -> None:
    def pack(message: paramiko.Message) -> None:
        message.add_int(0)
        answer = message.asbytes()
        message.rewind()
        message.add_bytes(answer[:4] + (2**32 - 1).to_bytes(4) + answer[8:])

    class PromisingFiles(Files):
        def list_folder(self, path: str) -> list[paramiko.SFTPAttributes]:
            promising = paramiko.SFTPAttributes()
            promising.filename = NAME
            promising._pack = pack  # type: ignore[attr-defined]
            return [promising]

    with (
        embedded(tmp_path, files=PromisingFiles) as (reached, _),
        reached.connect() as drop,
        pytest.raises(TransientFault, match="broke the connection"),
    ):
        drop.look()


def test_attributes_of_other_programs_are_read_and_passed_over(tmp_path: Path) -> None:
    class WithMore(Files):
        def list_folder(self, path: str) -> list[paramiko.SFTPAttributes] | int:
            entries = super().list_folder(path)
            for entry in entries if isinstance(entries, list) else ():
                entry.attr = {"a@example.org": "1", "b@example.org": ""}
            return entries

    with embedded(tmp_path, files=WithMore) as (reached, _):
        for name in (NAME, "StaffExport.csv"):
            os.utime(reached.write(b"ID\n", name), (1_700_000_000, 1_700_000_001))
        with reached.connect() as drop:
            assert drop.look() == {
                name: RemoteFile(name, 3, 1_700_000_001, True) for name in (NAME, "StaffExport.csv")
            }


class ReadsAsTold(Handle):
    """An open file that does something at the first read beyond the first block."""

    done = False

    def read(self, offset: int, length: int) -> bytes | int:
        if offset > 0 and not type(self).done:
            type(self).done = True
            self.misbehave()
        return super().read(offset, length)

    def misbehave(self) -> None:
        raise NotImplementedError


def misbehaving(handle: type[Handle]) -> type[Files]:
    return type("MisbehavingFiles", (Files,), {"handle_class": handle})


def append(handle: ReadsAsTold) -> None:
    with handle.path.open("ab") as file:
        file.write(b"more\n")


def truncate(handle: ReadsAsTold) -> None:
    os.truncate(handle.path, 100)


def overwrite(handle: ReadsAsTold) -> None:
    with handle.path.open("r+b") as file:
        file.write(b"other")
    os.utime(handle.path, (1, 1))


def replace(handle: ReadsAsTold) -> None:
    other = handle.path.with_name("upload.part")
    other.write_bytes(some_bytes(handle.path.stat().st_size))
    os.utime(other, (1, 1))
    other.rename(handle.path)


def remove(handle: ReadsAsTold) -> None:
    handle.path.unlink()


def become_link(handle: ReadsAsTold) -> None:
    moved = handle.path.rename(handle.path.with_name("Moved.csv"))
    handle.path.symlink_to(moved)


@pytest.mark.parametrize("change", [append, truncate, overwrite, replace, remove, become_link])
def test_a_file_that_changes_while_it_is_read_is_not_used(
    tmp_path: Path, landing: Path, change: object
) -> None:
    handle = type("Changing", (ReadsAsTold,), {"misbehave": change, "done": False})
    with embedded(tmp_path, files=misbehaving(handle)) as (reached, _):
        reached.write(some_bytes(5 * BLOCK))
        reached.write(b"ID\n", "StaffExport.csv")
        with reached.connect() as drop:
            with pytest.raises(FileChanged):
                drop.fetch(NAME, landing, NO_LIMIT)
            assert nothing_left(landing)
            assert drop.fetch("StaffExport.csv", landing, NO_LIMIT).facts.byte_count == 3


def test_a_file_that_is_another_one_by_the_time_it_is_opened_is_not_used(
    tmp_path: Path, landing: Path
) -> None:
    """Of the same size, and with the right one in its place again when all is read."""

    class Other(Files):
        def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> Handle | int:
            return super().open(path.replace(NAME, "Other.csv"), flags, attr)

    with embedded(tmp_path, files=Other) as (reached, _):
        reached.write(b"ID\n1\n")
        os.utime(reached.write(b"ID\n2\n", "Other.csv"), (1, 1))
        with reached.connect() as drop, pytest.raises(FileChanged):
            drop.fetch(NAME, landing, NO_LIMIT)
    assert nothing_left(landing)


def test_a_server_that_ends_the_file_too_soon_is_not_believed(
    tmp_path: Path, landing: Path
) -> None:
    class Short(Handle):
        def read(self, offset: int, length: int) -> bytes | int:
            return b"" if offset >= 2 * BLOCK else super().read(offset, length)

    with embedded(tmp_path, files=misbehaving(Short)) as (reached, _):
        reached.write(some_bytes(5 * BLOCK))
        with reached.connect() as drop, pytest.raises(FileChanged):
            drop.fetch(NAME, landing, NO_LIMIT)
    assert nothing_left(landing)


def test_a_server_that_gives_less_than_asked_for_is_asked_again(
    tmp_path: Path, landing: Path
) -> None:
    class Stingy(Handle):
        def read(self, offset: int, length: int) -> bytes | int:
            return super().read(offset, min(length, 10_000 + offset % 7))

    content = some_bytes(5 * BLOCK)
    with embedded(tmp_path, files=misbehaving(Stingy)) as (reached, _):
        reached.write(content)
        with reached.connect() as drop:
            assert drop.fetch(NAME, landing, NO_LIMIT).path.read_bytes() == content


def test_a_broken_connection_is_tried_again_and_then_succeeds(
    tmp_path: Path, landing: Path
) -> None:
    content = some_bytes(5 * BLOCK)
    handle = type("Breaking", (ReadsAsTold,), {"misbehave": break_off, "done": False})
    with embedded(tmp_path, files=misbehaving(handle)) as (reached, server):
        reached.write(content)
        tries = []

        def fetch() -> Path:
            tries.append(1)
            with reached.connect() as drop:
                return drop.fetch(NAME, landing, NO_LIMIT).path

        assert sftp.with_retries(fetch).read_bytes() == content
        assert len(tries) == server.connection_count == 2
    assert len(list(landing.iterdir())) == 1


def break_off(handle: ReadsAsTold) -> None:
    for transport in handle.files.server._transports:
        transport.close()


def test_a_connection_that_breaks_between_two_requests_is_broken_off(tmp_path: Path) -> None:
    with embedded(tmp_path) as (reached, _), reached.connect() as drop:
        drop._wire._channel.close()
        with pytest.raises(TransientFault, match="broke the connection off"):
            drop.look()


def test_a_connection_that_breaks_each_time_is_given_up(tmp_path: Path, landing: Path) -> None:
    class AlwaysBreaking(Handle):
        def read(self, offset: int, length: int) -> bytes | int:
            break_off(self)  # type: ignore[arg-type]
            return super().read(offset, length)

    with embedded(tmp_path, files=misbehaving(AlwaysBreaking)) as (reached, server):
        reached.write(b"ID\n")

        def fetch() -> None:
            with reached.connect() as drop:
                drop.fetch(NAME, landing, NO_LIMIT)

        with pytest.raises(TransientFault, match="broke the connection off"):
            sftp.with_retries(fetch)
        assert server.connection_count == patience.TRIES
    assert nothing_left(landing)


def test_a_server_that_falls_silent_is_given_up(
    tmp_path: Path, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    class Stalling(Handle):
        def read(self, offset: int, length: int) -> bytes | int:
            released.wait(10)
            return super().read(offset, length)

    monkeypatch.setattr(patience, "SILENCE_SECONDS", 0.3)
    with embedded(tmp_path, files=misbehaving(Stalling)) as (reached, _):
        reached.write(b"ID\n")
        with reached.connect() as drop:
            with pytest.raises(TransientFault, match="did not answer in time"):
                drop.fetch(NAME, landing, NO_LIMIT)
            with pytest.raises(TransientFault):  # the connection is not used any more
                drop.look()
        released.set()
    assert nothing_left(landing)


@pytest.mark.parametrize("size", [1000, 20_000_000])
def test_a_server_that_drips_is_given_up(
    tmp_path: Path, landing: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """However large the file is that it promises."""

    class Dripping(Handle):
        def read(self, offset: int, length: int) -> bytes | int:
            time.sleep(0.1)
            return super().read(offset, 1)

    monkeypatch.setattr(patience, "SILENCE_SECONDS", 0.5)
    with embedded(tmp_path, files=misbehaving(Dripping)) as (reached, _):
        reached.write(b"x" * size)
        began = time.monotonic()
        with reached.connect() as drop, pytest.raises(TransientFault, match="in time"):
            drop.fetch(NAME, landing, NO_LIMIT)
        assert time.monotonic() - began < 5


def test_a_file_that_may_not_be_read_is_one_clear_sentence(tmp_path: Path, landing: Path) -> None:
    class Forbidding(Files):
        def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> Handle | int:
            return paramiko.sftp.SFTP_PERMISSION_DENIED

    with embedded(tmp_path, files=Forbidding) as (reached, _):
        reached.write(b"ID\n")
        with reached.connect() as drop, pytest.raises(EnvironmentFault, match="permissions") as no:
            drop.fetch(NAME, landing, NO_LIMIT)
    assert not isinstance(no.value, TransientFault)
    assert nothing_left(landing)


def test_what_is_being_received_has_a_name_that_a_later_run_clears_away(
    tmp_path: Path, landing: Path
) -> None:
    seen: list[str] = []

    class Watching(Handle):
        def read(self, offset: int, length: int) -> bytes | int:
            seen.extend(path.name for path in landing.iterdir())
            return super().read(offset, length)

    with embedded(tmp_path, files=misbehaving(Watching)) as (reached, _):
        reached.write(b"ID\n")
        with reached.connect() as drop:
            drop.fetch(NAME, landing, NO_LIMIT)
    assert seen
    assert all(name.endswith(PARTIAL_SUFFIX) for name in seen)
