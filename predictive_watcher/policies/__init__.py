"""The policy file: read, checked, and read again when it changes."""
