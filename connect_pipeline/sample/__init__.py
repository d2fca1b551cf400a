"""Synthetic districts and an embedded SFTP server: for the demo, tests and benchmarks.

Belongs here: what no real district has. Does not belong here: anything that a run needs.
"""
