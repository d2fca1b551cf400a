"""One module is one migration; their numbers are their order."""
