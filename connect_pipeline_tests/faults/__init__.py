"""The fault bench: a drop that misbehaves on command, and what whole runs make of it."""
