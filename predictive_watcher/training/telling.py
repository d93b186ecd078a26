"""How whoever waits for a training is told how far it is."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What happens now, the share of it that is done, and more."""

    stage: str
    done: float
    note: str = ''


Tell = Callable[[Told], None]
LEARNING = 'learning'


def teller(tell: Tell, stage: str) -> Callable[[float], None]:
    """Tells the share that is done of a stage."""
    return lambda done: tell(Told(stage=stage, done=done))
