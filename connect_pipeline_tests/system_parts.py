"""System parts that a test may need: found, or the test says in one line what it lacks.

With CONNECT_TESTS_REQUIRE_ALL=1 (as in CI) a missing part is a failure, so nothing is skipped
unseen.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


def require(program: str) -> str:
    """The path of `program`; skips the test (fails it in CI) where there is none."""
    # Debian keeps sshd and PostgreSQL's programs out of the ordinary path.
    folders = [os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]
    folders += sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")))
    path = shutil.which(program, path=os.pathsep.join(folders))
    if path:
        return path
    reason = f"needs {program}, which is not installed"
    if os.environ.get("CONNECT_TESTS_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
