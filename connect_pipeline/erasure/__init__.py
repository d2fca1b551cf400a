"""Erasure: a student or a district is forgotten, provably, and stays so.

`records.py` is what the ledger knows of erasures, `keep_out.py` keeps an erased student's rows out
of later uploads, `traces.py` finds what there is of a student, `recognising.py` knows it in a text,
`search.py` proves that nothing is left, `rebuild.py` writes the databases
anew without the student, `files.py` and `opt_outs.py` do the same for lists, reports and opt-outs,
`certificate.py` says what was done, and `erase.py` puts them in order.

Belongs here: finding, rebuilding, certifying. Does not belong here: ages (`run/retention.py`).
"""
