"""The open ledger: all that is kept and asked of its tables, as one object.

Belongs here: of what it is made. Does not belong here: any method.
"""

from __future__ import annotations

from dataclasses import dataclass

from connect_pipeline.ledger.holds import Holds
from connect_pipeline.ledger.publications import Publications
from connect_pipeline.ledger.receipts import Receipts
from connect_pipeline.ledger.runs import Runs


@dataclass(frozen=True)
class Ledger(Runs, Receipts, Publications, Holds):
    """The open ledger: `engine` is its database, `key` what its hashes are made with."""
