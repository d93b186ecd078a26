"""The decision, as pure functions of data: numpy and the standard library.

Nothing here reads a clock, a file, a socket or a configuration.
"""
