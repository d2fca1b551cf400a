"""Who is erased, and that they stay out: what every other part must know of erasures.

`records.py` is what the ledger knows of them, `certificate.py` what a certificate says, which
outlives the ledger, and `keep_out.py` keeps an erased student's rows out of what is read later,
with the lines that may be the student's (`broken_lines.py`).
Does not belong here: erasing (`erasure/`).
"""
