"""Settings of the whole suite.

Property tests have no deadline per example (machines are shared), draw the same examples in every
run, and try as many as CONNECT_TESTS_EXAMPLES says; `make soak` asks for more.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "connect",
    deadline=None,
    derandomize=True,
    max_examples=int(os.environ.get("CONNECT_TESTS_EXAMPLES", "50")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("connect")
