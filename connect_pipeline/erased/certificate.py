"""The certificate of an erasure: what was done, when and to which files, and nothing personal.

Belongs here: its shape, and whose there are. Does not belong here: any value of the person: the
subject is a keyed hash, files are named below the home, and contents by their SHA-256.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from connect_pipeline.disk import PARTIAL_SUFFIX, replacing
from connect_pipeline.home import Home
from connect_pipeline.ledger import compact


def write_certificate(
    home: Home,
    district: str,
    number: int,
    *,
    subject_hash: str,
    by: str,
    started_at: str,
    completed_at: str,
    counts: dict[str, int],
    files: Sequence[dict[str, str | None]],
    searched: dict[str, int],
    remains: Sequence[str],
) -> Path:
    """Write `certificates/<district>-<number>-<time>.json`; returns its path.

    `counts` are removed rows by table, `files` what became of each file that held something,
    `searched` how much was searched afterwards without finding anything, `remains` what an erasure
    cannot reach.
    """
    certificate: dict[str, Any] = {
        "what": "student" if subject_hash else "district",
        "district": district,
        "subject_hash": subject_hash or None,
        "erasure": number,
        "erased_by": by,
        "started_at": started_at,
        "completed_at": completed_at,
        "rows_removed": counts,
        "files": list(files),
        "searched": searched,
        "remains": list(remains),
    }
    time = compact(datetime.fromisoformat(completed_at))
    path = home.certificates / f"{district}-{number}-{time}.json"
    with replacing(path) as file:
        file.write(json.dumps(certificate, indent=1, ensure_ascii=False).encode() + b"\n")
    return path


def remove_unfinished(home: Home, district: str) -> None:
    """Remove what a kill left of certificates; another district's may be written right now."""
    ours = re.compile(rf"{re.escape(district)}-[0-9]+-[0-9TZ]+\.json\.[0-9]+{PARTIAL_SUFFIX}")
    for path in home.certificates.glob(f"{district}-*{PARTIAL_SUFFIX}"):
        if ours.fullmatch(path.name):
            path.unlink(missing_ok=True)


def certified(home: Home, district: str) -> dict[str, Path]:
    """The certificates of a district, by the hash of who was erased ('': the whole district)."""
    return {str(one.get("subject_hash") or ""): path for path, one in _certificates(home, district)}


def written_anew(home: Home, district: str) -> frozenset[str]:
    """The SHA-256 of every file that an erasure of the district put in another one's place."""
    files = (file for _path, one in _certificates(home, district) for file in one.get("files", ()))
    return frozenset(str(file["sha256_after"]) for file in files if file.get("sha256_after"))


def _certificates(home: Home, district: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(home.certificates.glob(f"{district}-*.json")):
        with suppress(OSError, ValueError, AttributeError):  # no certificate of ours
            certificate = json.loads(path.read_text(encoding="utf-8"))
            if certificate.get("district") == district and "erasure" in certificate:
                yield path, certificate
