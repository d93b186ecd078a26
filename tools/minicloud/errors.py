"""What goes wrong with a mini cloud, each as one clear line."""


class MiniCloudError(Exception):
    """Something the person at the keyboard has to know or to do."""


class CommandFailedError(MiniCloudError):
    """A set-up command ended with an error."""


class NotInTimeError(MiniCloudError):
    """A condition did not become true in time."""
