"""Going on from a model that is there: shorter, and with smaller steps."""

from collections.abc import Mapping
import dataclasses
from dataclasses import dataclass
from typing import Any

import torch

from predictive_watcher import exceptions
from predictive_watcher.core import inputs
from predictive_watcher.training import network as network_module
from predictive_watcher.training import state
from predictive_watcher.training import train
from predictive_watcher.training import weights as weights_module


STEPS = 600
RATE = 3e-4  # a tenth of what a network that knows nothing learns with


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The model to begin from.

    ``network`` answers as it does, ``weights`` are its tensors by name.
    """

    name: str
    sha256: str
    weights: Mapping[str, torch.Tensor]
    network: network_module.Network


def options(
    chosen: train.Options, facts: Mapping[str, Any], source: str
) -> train.Options:
    """Options to go on from the model of a card: its size, smaller steps.

    :param facts: the card.
    :raises ModelRefused: where the card does not say how large it is.
    """
    before = facts['training'].get('options')
    try:
        size = {name: int(before[name]) for name in train.SIZE}
    except (KeyError, TypeError, ValueError) as error:
        raise exceptions.ModelRefused(
            f'{source}: its card does not tell the size of the network '
            f'(training.options, {error}); train a new model'
        ) from error
    return dataclasses.replace(chosen, rate=RATE, **size)


def begun(data: bytes, name: str, sha256: str, chosen: train.Options) -> Begun:
    """The model of a file.

    :param data: of the ONNX file.
    :param chosen: of `options`.
    :raises ModelRefused: where the file is of another release.
    :raises InvalidInput: where names or shapes differ.
    """
    weights = weights_module.of_onnx(data, name)
    net = network_module.Network(
        len(inputs.NAMES), *(getattr(chosen, size) for size in train.SIZE)
    )
    state.load(net, weights, name)
    weights_module.check_answers(net, data, name)
    return Begun(name=name, sha256=sha256, weights=weights, network=net.eval())
