"""Benchmarks: our jobs against near-limit scripts and peers, as ratios in one run."""
