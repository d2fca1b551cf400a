"""Synthetic districts and an embedded SFTP server: for the demo, tests and benchmarks."""
