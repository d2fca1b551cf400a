"""Erasure: a student or a district is forgotten, provably, and stays so.

`traces.py` finds what there is of a student, `recognising.py` knows it in a text, `search.py`
proves that nothing is left, `rebuild.py` writes the databases anew without the student, `files.py`
and `opt_outs.py` do the same for lists, reports and opt-outs, `ledger_rows.py` for the ledger, and
`erase.py` puts them in order.

Belongs here: finding, removing, proving. Does not belong here: who is erased, which others must
know (`erased/`), ages (`run/retention.py`).
"""
