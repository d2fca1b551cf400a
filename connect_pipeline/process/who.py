"""Who runs this program, by name: for records of what somebody did, and for what is said of owners.

Belongs here: names of the system's users. Does not belong here: what is recorded.
"""

from __future__ import annotations

import getpass
import os
import pwd


def user_name() -> str:
    """The name of who runs this; `uid <n>` where it has none, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # Python before 3.13, and since
        return f"uid {os.getuid()}"


def name_of(uid: int) -> str:
    """The name of a user of this system, or `uid <n>`."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
