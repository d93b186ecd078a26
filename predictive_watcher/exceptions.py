"""What can go wrong, as one tree.

::

    PredictiveWatcherError
    ├── InvalidInput          a value given by a person is wrong
    │   ├── InvalidConfig     ... in a configuration option
    │   ├── InvalidTrace      ... in a trace file
    │   ├── InvalidPolicies   ... in a policy file
    │   └── InvalidExtraSpec  ... in a flavor's extra specs
    ├── TelemetryError        no usage could be read
    │   ├── TelemetryTimeout  the deadline for one audit was used up
    │   └── CircuitOpen       the source failed lately and is left alone
    ├── CloudError            Nova or Placement did not answer as needed
    ├── ModelError            no forecast can be made with this model
    │   ├── ModelNotFound     there is no such file or name
    │   └── ModelRefused      the file does not match its card
    └── StateError            the ledger or a cache cannot be used

Each message says what was wrong, with which value, and what to do.
"""


class PredictiveWatcherError(Exception):
    """Root of all errors that are raised on purpose."""


class InvalidInput(PredictiveWatcherError, ValueError):
    """A value given by a person is wrong."""


class InvalidConfig(InvalidInput):
    """A configuration option has a value that cannot be used."""


class InvalidTrace(InvalidInput):
    """A trace file has a row or an array that cannot be used."""


class InvalidPolicies(InvalidInput):
    """A policy file cannot be used."""


class InvalidExtraSpec(InvalidInput):
    """A flavor's extra spec has a value that cannot be used."""


class TelemetryError(PredictiveWatcherError):
    """No usage could be read."""


class TelemetryTimeout(TelemetryError):
    """The deadline for reading the usage of one audit was used up."""


class CircuitOpen(TelemetryError):
    """The source failed lately and is left alone for a while."""


class CloudError(PredictiveWatcherError):
    """Nova or Placement did not answer as needed."""


class ModelError(PredictiveWatcherError):
    """No forecast can be made with this model."""


class ModelNotFound(ModelError):
    """There is no model of this name or at this path."""


class ModelRefused(ModelError):
    """A model file does not match its card."""


class StateError(PredictiveWatcherError):
    """The ledger or a cache cannot be used."""
