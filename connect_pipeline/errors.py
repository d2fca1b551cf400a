"""What can go wrong, in four kinds.

For: errors that a person must read. Each says what is wrong, where, and what to do, in one or
two sentences, and never holds a cell's value. The command line and Dagster map each kind once.
Belongs here: the kinds and their exit codes. Does not belong here: findings about a file's
rows (`findings.py`), which are data and are never raised.
"""

from __future__ import annotations


class ConnectError(Exception):
    """Base of every error that we raise on purpose.

    `exit_code` is the command's (design, 8); `kind` is what an alarm calls it (`alarms/words.py`).
    """

    exit_code = 3
    kind = "state"


class UsageError(ConnectError):
    """Wrong usage or settings: the operator's own input cannot be used as it is."""

    exit_code = 2
    kind = "settings"


class SettingsError(UsageError):
    """`districts.yaml` or a setting in the environment is missing or wrong."""


class Refused(ConnectError):
    """What the district sent is blocked or held; the published data is as it was."""

    exit_code = 1
    kind = "refused"


class EnvironmentFault(ConnectError):
    """Something around us failed: network, server, disk, permissions, a lock."""


class DiskFault(EnvironmentFault):
    """The disk or the memory refused: full, not permitted, broken."""

    kind = "disk"


class DatabaseFault(EnvironmentFault):
    """The ledger's or Dagster's database server did not answer, broke off or refused."""

    kind = "database"


class BrokenOff(EnvironmentFault):
    """Dagster ended a run in the middle, without a word to us: it could not go on itself."""

    kind = "broken_off"


class AccessFault(EnvironmentFault):
    """A server was reached and did not let us work; that does not pass by itself."""

    kind = "access"


class TransientFault(EnvironmentFault):
    """A fault that may pass by itself and is worth another try (connection reset, timeout)."""

    kind = "network"


class Unreachable(TransientFault):
    """A server refuses or is silent before anybody logs in: to everybody, so far as we know."""


class LoginBroken(TransientFault):
    """A server breaks off or is silent once it knows who logs in.

    It may be on its way down or up, or lock the login: so it is not tried again and again.
    """

    kind = "access"


class FileChanged(TransientFault):
    """A file on the drop changed while it was being read, so what was read is not used."""

    kind = "upload"


class SystemFault(ConnectError):
    """Our own bug: an invariant does not hold. The run fails and nothing is published."""

    kind = "bug"


class UnbalancedError(SystemFault):
    """The accounting of absences does not balance: nobody is listed."""


class TwiceListedError(SystemFault):
    """A destination stands twice in a batch: nobody is listed."""
