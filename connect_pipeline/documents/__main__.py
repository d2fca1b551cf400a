"""`python -m connect_pipeline.documents docs/` writes every page anew."""

import sys
from pathlib import Path

from connect_pipeline.documents import PAGES

for name, page in PAGES.items():
    Path(sys.argv[1], name).write_text(page(), encoding="utf-8")
