"""The tests; they mirror the package, and each promise has a file of its own."""
