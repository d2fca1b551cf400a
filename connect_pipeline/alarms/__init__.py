"""Alarms: who is told what is failed, blocked, held, missing or stale, once, and when it is over.

`raised.py` decides, `channels.py` knows whom it concerns, `words.py` and `notice.py` say it,
`delivery.py` and `sending.py` bring it.
Belongs here: alarms from their cause to their receiver. Does not belong here: what people read
about a file (`report/`), the sensor that delivers (`orchestration/watch.py`).
"""

from connect_pipeline.alarms.raised import (
    about_settings,
    after_run,
    causes_at_end,
    clear,
    clear_within,
    open_alarms,
    raise_alarm,
    undelivered,
)

__all__ = [
    "about_settings",
    "after_run",
    "causes_at_end",
    "clear",
    "clear_within",
    "open_alarms",
    "raise_alarm",
    "undelivered",
]
