"""The header: exactly the contract's columns, in its order; optional ones may be absent."""
