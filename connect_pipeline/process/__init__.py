"""The process and its machine: what is the same whatever it works at.

Belongs here: locks, stops, memory, who started it. Does not belong here: what a run does (`run/`).
"""
