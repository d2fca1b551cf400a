"""Column schemas for the UI, from the contract and the published tables. Nothing is repeated.

Belongs here: the translation. Does not belong here: columns (`contract.py`, `published/`).
"""

from __future__ import annotations

import dagster as dg

from connect_pipeline.contract import ExportSpec
from connect_pipeline.published import PublishedTable


def export_schema(spec: ExportSpec) -> dg.TableSchema:
    """The columns of an export: all text, with privacy tags.

    A blank cell of any column but a key is published, of a required one with a warning.
    """
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type="VARCHAR",
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=not column.key),
                tags={"privacy": column.privacy.value},
            )
            for column in spec.columns
        ]
    )


def table_schema(table: PublishedTable) -> dg.TableSchema:
    """The columns of a published table."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.type,
                description=column.description,
                tags={"privacy": column.privacy.value},
            )
            for column in table.columns
        ]
    )
