"""Looks at the drops of many districts, in bounded time, without one delaying another.

For: the sensors, which look every few seconds. Districts behind the same login share connections;
several connections are at work at a time, a few per server.
Belongs here: who is looked at over which connection, and for how long. Does not belong here: a
look itself (`sftp/`), and what it means (`arrival.py`).

A server that does not answer costs its own districts their look and nobody else's: a server has at
most `PER_SERVER` of the threads, servers that failed last time come last, and who was not reached
when the time is up is looked at first the next time. A login that is broken off costs no other one
of the same server its look.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from connect_pipeline import settings, sftp
from connect_pipeline.errors import ConnectError, TransientFault, Unreachable
from connect_pipeline.foreign_errors import as_our_error

SECONDS = 40.0
"""For all looks together: well inside the minute that Dagster (1.13) gives a sensor."""

PATIENCE = 8.0
"""For the connection, the handshake, the login, the session, and a listing: each."""

CONNECTIONS = 32
PER_SERVER = 4  # twice, for there are two sensors; OpenSSH turns the tenth login under way away
FOLDERS_PER_CONNECTION = 50
# After so many broken listings in a row the connection is not to blame.
BROKEN_IN_A_ROW = 2

Look = dict[str, sftp.RemoteFile] | ConnectError
"""What a drop holds, or why nobody knows."""


def look_at_all(
    drops: Mapping[str, settings.Sftp],
    *,
    doubtful: Collection[str] = (),
    seconds: float = SECONDS,
    patience: float = PATIENCE,
) -> dict[str, Look]:
    """A look at each drop, by district, in the order of `drops`. Never raises for a drop.

    `doubtful` are the districts whose last look failed: they wait for the others. A district
    that is not in the result was not reached in time.
    """
    deadline = time.monotonic() + seconds
    servers = _servers(drops, doubtful, patience)
    looks: dict[str, Look] = {}
    pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="look")
    lanes = [
        pool.submit(server.work_off, looks, deadline)
        for lane in range(PER_SERVER)  # each server gets its first lane before any its second
        for server in servers
        if lane < len(server.waiting)
    ]
    wait(lanes, timeout=seconds)
    # A thread that waits for a silent server ends by that server's time-outs; nobody waits for it.
    pool.shutdown(wait=False, cancel_futures=True)
    return dict(looks)


@dataclass
class _Visit:
    """Some districts behind one login: looked at over one connection."""

    login: settings.Sftp
    folders: deque[tuple[str, str]]


@dataclass
class _Server:
    """One host and port, and the visits that are still to be made there."""

    patience: float
    waiting: deque[_Visit] = field(default_factory=deque)
    fault: Unreachable | None = None

    def work_off(self, looks: dict[str, Look], deadline: float) -> None:
        """Make visits until none is left, or the time is up. Several threads do so at once."""
        while time.monotonic() < deadline:
            try:
                visit = self.waiting.popleft()
            except IndexError:
                return
            self._visit(visit, looks, deadline)

    def _visit(self, visit: _Visit, looks: dict[str, Look], deadline: float) -> None:
        broken = 0
        while visit.folders and time.monotonic() < deadline:
            if self.fault is not None or broken > BROKEN_IN_A_ROW:
                fault = self.fault or TransientFault("The SFTP server breaks every listing off.")
                _say_of_all(visit, fault, looks)
                return
            try:
                with sftp.connect(visit.login, seconds=self.patience) as drop:
                    broken = self._list(drop, visit, looks, deadline, broken)
            except Unreachable as fault:
                self.fault = fault  # it does not answer: nobody asks it again in this round
            except Exception as error:  # a bug of ours, too, is of these districts alone
                _say_of_all(visit, as_our_error(error), looks)

    def _list(
        self, drop: sftp.Drop, visit: _Visit, looks: dict[str, Look], deadline: float, broken: int
    ) -> int:
        """List folders until none is left or the connection breaks; breaks in a row."""
        while visit.folders and time.monotonic() < deadline:
            name, folder = visit.folders.popleft()
            try:
                looks[name] = drop.look(folder, self.patience)
            except TransientFault as fault:
                looks[name] = fault
                return broken + 1
            except Exception as error:
                looks[name] = as_our_error(error)
            broken = 0
        return broken


def _say_of_all(visit: _Visit, error: ConnectError, looks: dict[str, Look]) -> None:
    looks.update(dict.fromkeys((name for name, _ in visit.folders), error))
    visit.folders.clear()


def _servers(
    drops: Mapping[str, settings.Sftp], doubtful: Collection[str], patience: float
) -> list[_Server]:
    """The visits to make, by server, in the order of `drops`; the doubtful ones last."""
    servers: dict[tuple[str, int], _Server] = {}
    last: dict[tuple[object, ...], _Visit] = {}
    for name in sorted(drops, key=lambda name: name in doubtful):
        drop = drops[name]
        server = servers.setdefault((drop.host, drop.port), _Server(patience))
        # The doubtful do not share with the others: what broke their look would break them all.
        login = (*_login_of(drop), name in doubtful)
        visit = last.get(login)
        if visit is None or len(visit.folders) == FOLDERS_PER_CONNECTION:
            visit = last[login] = _Visit(drop, deque())
            server.waiting.append(visit)
        visit.folders.append((name, drop.folder))
    return list(servers.values())


def _login_of(drop: settings.Sftp) -> tuple[object, ...]:
    """All of a district's `sftp` settings but the folders."""
    return tuple(drop.model_dump(exclude={"folder", "report_folder"}).values())
