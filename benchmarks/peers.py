"""Peers: the checks of `validate` that a team would write with other tools, at their plainest.

Keys, references and e-mail addresses; none of them has a line law, a quarantine or a report.
They run in an environment of their own (`.venv/peers`, from `peers.txt`).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.reference import FILES, KEYS, check


def with_pandas(folder: Path) -> None:
    """Keys, references and e-mails in pandas, all text."""
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


def with_polars(folder: Path) -> None:
    """The same in polars."""
    import polars

    tables = {
        name: polars.read_csv(folder / file, infer_schema=False, empty_string_is_null=False)
        for name, file in FILES.items()
    }
    for name, key in KEYS.items():
        tables[name].select(polars.struct(key.split(", ")).is_duplicated().sum())
    link, absence = tables["link"], tables["absence"]
    link.join(tables["staff"], left_on="Teacher", right_on="ID", how="anti")
    link.join(tables["student"], left_on="Student", right_on="ID", how="anti")
    absence.join(tables["student"], left_on="Student", right_on="ID", how="anti")
    absence.join(link, on=["School", "Student", "Period"], how="anti")
    for name in ("staff", "student"):
        columns = [one for one in tables[name].columns if "mail" in one]
        tables[name].select(
            polars.col(columns).str.contains(r"^([^@\s]+@[^@\s]+\.[^@\s]+|)$").sum()
        )


def with_frictionless(folder: Path) -> None:
    """Keys as a Frictionless schema."""
    from frictionless import Package, Resource, Schema, fields

    package = Package()
    for name, file in FILES.items():
        header = (folder / file).open().readline().strip().split(",")
        schema = Schema(fields=[fields.StringField(name=one) for one in header])
        if name in KEYS:
            schema.primary_key = KEYS[name].split(", ")
        package.add_resource(Resource(name=name, path=file, basepath=str(folder), schema=schema))
    package.validate()


def with_dlt(folder: Path) -> None:
    """Loaded by dlt into DuckDB from Arrow batches; keys and references in SQL."""
    import dlt
    import duckdb
    from pyarrow import csv

    def pages(file: str) -> Iterator[Any]:
        header = (folder / file).open().readline().strip().split(",")
        text = csv.ConvertOptions(column_types=dict.fromkeys(header, "string"))
        yield from csv.open_csv(folder / file, convert_options=text)

    with tempfile.TemporaryDirectory() as place:
        database = f"{place}/loaded.duckdb"
        pipeline = dlt.pipeline(
            "peer",
            pipelines_dir=place,
            destination=dlt.destinations.duckdb(database, naming_convention="direct"),
            dataset_name="main",
        )
        pipeline.run([dlt.resource(pages(file), name=name) for name, file in FILES.items()])
        with duckdb.connect(database) as connection:
            check(connection)


PEERS = {
    "pandas": with_pandas,
    "polars": with_polars,
    "dlt": with_dlt,
    "frictionless": with_frictionless,
}

if __name__ == "__main__":
    PEERS[sys.argv[1]](Path(sys.argv[2]))
