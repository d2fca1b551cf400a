"""Peers: the checks of `validate` that a team would write with other tools, at their plainest."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.reference import FILES, KEYS


def with_pandas(folder: Path) -> None:
    """Keys and references in pandas, all text."""
    import pandas

    tables = {
        name: pandas.read_csv(folder / file, dtype=str, keep_default_na=False)
        for name, file in FILES.items()
    }
    for name, key in KEYS.items():
        tables[name].duplicated(subset=key.split(", ")).sum()
    link, absence = tables["link"], tables["absence"]
    (~link["Teacher"].isin(tables["staff"]["ID"])).sum()
    (~link["Student"].isin(tables["student"]["ID"])).sum()
    (~absence["Student"].isin(tables["student"]["ID"])).sum()
    absence.merge(
        link[["School", "Student", "Period"]].drop_duplicates(), how="left", indicator=True
    )
    for name in ("staff", "student"):
        columns = [one for one in tables[name].columns if "mail" in one]
        for column in columns:
            tables[name][column].str.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+|").sum()


def with_frictionless(folder: Path) -> None:
    """The same as a Frictionless schema: keys, references, e-mails."""
    from frictionless import Package, Resource, Schema, fields

    package = Package()
    for name, file in FILES.items():
        header = (folder / file).open().readline().strip().split(",")
        schema = Schema(fields=[fields.StringField(name=one) for one in header])
        if name in KEYS:
            schema.primary_key = KEYS[name].split(", ")
        package.add_resource(Resource(name=name, path=file, basepath=str(folder), schema=schema))
    package.validate()


if __name__ == "__main__":
    {"pandas": with_pandas, "frictionless": with_frictionless}[sys.argv[1]](Path(sys.argv[2]))
