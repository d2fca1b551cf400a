"""The report of a run: the same data as a page, as JSON and as a list, beside each other.

For: what is written at a run's end to `reports/<district>/`. Belongs here: names and files. Does
not belong here: what is in them (`as_html.py`, `as_json.py`, `as_csv.py`).
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from connect_pipeline.disk import replacing
from connect_pipeline.drop_names import REPORT_TIME
from connect_pipeline.home import Home
from connect_pipeline.report.allowances import allowances
from connect_pipeline.report.as_csv import as_csv
from connect_pipeline.report.as_html import About, as_html
from connect_pipeline.report.as_json import as_json
from connect_pipeline.settings import District
from connect_pipeline.validation import Report


def report_path(home: Home, name: str, job: str, started: datetime) -> Path:
    """Where a run's page is: named by time and job, so that reports list in order."""
    return home.reports(name) / f"{started:{REPORT_TIME}}-{job}.html"


def write_reports(
    home: Home,
    name: str,
    job: str,
    report: Report,
    *,
    started: datetime,
    outcome: str,
    message: str = "",
    done: str = "",
    district: District,
) -> Path:
    """Write the report of a run to `reports/<district>/`: `.html`, `.json` and `.csv`.

    Returns the page's path. Raises `EnvironmentFault` when the disk refuses.
    """
    page = report_path(home, name, job, started)
    about = About(
        when=started.astimezone(district.zone),
        district=district.name,
        job=job,
        outcome=outcome,
        message=message,
        done=done,
        allows=tuple(allowances(district)),
    )
    data = {
        "district": name,
        "job": job,
        "started": started.isoformat(timespec="seconds"),
        "outcome": outcome,
        "message": message,
        **as_json(report),
    }
    contents = {
        ".json": json.dumps(data, indent=1, ensure_ascii=False),
        ".csv": as_csv(report),
        ".html": as_html(report, about),
    }
    for suffix, text in contents.items():
        with replacing(page.with_suffix(suffix)) as file:
            file.write(text.encode())
    return page
