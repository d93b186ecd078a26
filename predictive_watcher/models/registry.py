"""Where models are found."""

import pathlib

from predictive_watcher.models import card
from predictive_watcher.models import runtime


SHIPPED = pathlib.Path(__file__).with_name('default')


def load(
    directory: pathlib.Path | None = None, threads: int = 2
) -> runtime.OnnxForecaster:
    """The model in ``directory``; None: the one that comes with the package.

    Cheap: reads the card, leaves the model file to the first forecast.

    :raises ModelNotFound: where there is no card.
    :raises ModelRefused: where the card does not fit.
    """
    return runtime.OnnxForecaster(
        SHIPPED if directory is None else directory, threads
    )


def changed_at(directory: pathlib.Path) -> int:
    """When the model was put into its folder, in nanoseconds; 0: never.

    The card is written last, so that a new one means a new model.
    """
    try:
        return (directory / card.CARD).stat().st_mtime_ns
    except OSError:
        return 0
