"""`doctor`: what is wrong with this set-up, one check at a time, with what to do.

For: the first hour of an operator, and the hour after something was changed.

`examine.py` is the order of the checks, each of which comes to a `diagnosis.py`: of the home
(`places.py`), the ledger (`of_ledger.py`), what Dagster has of ours (`automation.py`), opt-outs and
each district's drop (`of_districts.py`).
Belongs here: checks of the set-up. Does not belong here: checks of files (`validation/`).
"""

from connect_pipeline.doctor.diagnosis import Diagnosis
from connect_pipeline.doctor.examine import examine

__all__ = ["Diagnosis", "examine"]
