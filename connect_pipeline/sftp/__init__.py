"""A district's drop: looked at, and fetched from, over SFTP.

For: one connection to one drop, whose host key is proven before anything is said to it; a listing
of the folder; files fetched whole or not at all; reports put back.
Belongs here: paramiko, and the one place where its errors become ours. Does not belong here: when
to look or fetch, what a file means, and the landing folder's life (`landing/`).
"""

import logging

from connect_pipeline.sftp.drop import (
    Drop,
    Fetched,
    FileMissing,
    FileTooLarge,
    NotAFile,
    RemoteFile,
)
from connect_pipeline.sftp.login import connect
from connect_pipeline.sftp.patience import with_retries

__all__ = [
    "Drop",
    "Fetched",
    "FileMissing",
    "FileTooLarge",
    "NotAFile",
    "RemoteFile",
    "connect",
    "with_retries",
]

# paramiko logs a wrong password with a traceback. We raise what matters, so its log goes nowhere.
_paramiko_log = logging.getLogger("paramiko")
_paramiko_log.addHandler(logging.NullHandler())
_paramiko_log.propagate = False
