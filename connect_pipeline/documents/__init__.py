"""The documents that are written from the data which the program itself runs on.

For: `make docs`; a test holds each page in `docs/` to what is written here. Belongs here: one
module per page, with its shape and the sentences around its tables. Does not belong here: anything
that a row of a table says, which stands beside what it is about (`contract.py`, `settings.py`,
`limits.py`, `published/`, `rules/`).
"""

from connect_pipeline.documents.contract import contract_page
from connect_pipeline.documents.rules import rules_page
from connect_pipeline.documents.settings import settings_page
from connect_pipeline.documents.tables import tables_page

PAGES = {
    "contract.md": contract_page,
    "rules.md": rules_page,
    "settings.md": settings_page,
    "tables.md": tables_page,
}
"""By file name below `docs/`: what writes it, as Markdown."""
