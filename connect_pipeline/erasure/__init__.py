"""Erasure: a student or a district is forgotten, provably, and stays so.

`erase.py` puts things in order. `traces.py` finds what there is of a student, `recognising.py`
knows it in a text, `of_student.py` does what is to be done to each kind of file: `rebuild.py`
writes databases anew without the student, `files.py` and `opt_outs.py` lists, reports and opt-outs.
`places.py` has the folders, `ledger_rows.py` is what the ledger forgets, `search.py` proves that
nothing is left, `remains.py` says what cannot be reached.

Belongs here: finding, removing, proving. Does not belong here: who is erased, which others must
know (`erased/`), ages (`run/retention.py`).
"""
