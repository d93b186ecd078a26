"""What learning changes: weights, their running mean, optimizer, chance."""

from collections.abc import Mapping
import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from predictive_watcher import exceptions
from predictive_watcher.training import checkpoint
from predictive_watcher.training import network as network_module


@dataclass(slots=True, kw_only=True)
class State:
    """Learning after ``step`` steps.

    ``mean`` is the running mean of ``net``, ``loss`` that of the loss.
    """

    net: network_module.Network
    mean: network_module.Network
    optimizer: torch.optim.Optimizer
    rng: np.random.Generator
    step: int = 0
    loss: float = 0.0

    @torch.no_grad()
    def average(self, keep: float) -> None:
        """Move the running mean towards the weights of now."""
        for old, new in zip(
            self.mean.parameters(), self.net.parameters(), strict=True
        ):
            old.lerp_(new, 1 - keep)

    def kept(self, seconds: float) -> checkpoint.Checkpoint:
        """All of it as plain arrays and numbers; ``seconds`` it took."""
        tensors = {'torch': torch.get_rng_state()}
        for part, net in (('net', self.net), ('mean', self.mean)):
            for name, tensor in net.state_dict().items():
                tensors[f'{part}.{name}'] = tensor
        for i, known in self.optimizer.state_dict()['state'].items():
            for name, tensor in known.items():
                tensors[f'optimizer.{i}.{name}'] = tensor
        return checkpoint.Checkpoint(
            step=self.step,
            seconds=seconds,
            loss=self.loss,
            random=dict(self.rng.bit_generator.state),
            arrays={k: t.numpy(force=True) for k, t in tensors.items()},
        )

    def resume(self, found: checkpoint.Checkpoint) -> None:
        """Become what was kept.

        :raises InvalidInput: where it is of another network.
        """
        parts: dict[str, dict[str, torch.Tensor]] = {}
        for key, array in found.arrays.items():
            part, _, name = key.partition('.')
            parts.setdefault(part, {})[name] = torch.from_numpy(array.copy())
        load(self.net, parts.get('net', {}), 'the checkpoint')
        load(self.mean, parts.get('mean', {}), 'the checkpoint')
        self._resume_optimizer(parts.get('optimizer', {}))
        try:
            torch.set_rng_state(parts['torch'][''])
            self.rng.bit_generator.state = dict(found.random)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise exceptions.InvalidInput(
                'the checkpoint has no random state that can be used '
                f'({error}); begin anew without --resume'
            ) from error
        self.step, self.loss = found.step, found.loss

    def _resume_optimizer(self, arrays: Mapping[str, torch.Tensor]) -> None:
        known: dict[int, dict[str, Any]] = {}
        for key, tensor in arrays.items():
            number, _, name = key.partition('.')
            known.setdefault(int(number), {})[name] = tensor
        facts = self.optimizer.state_dict()
        self.optimizer.load_state_dict({**facts, 'state': known})


def fresh(
    net: network_module.Network, rate: float, rng: np.random.Generator
) -> State:
    """Learning that has not begun."""
    return State(
        net=net,
        mean=copy.deepcopy(net),
        optimizer=torch.optim.AdamW(
            net.parameters(), lr=rate, weight_decay=0.01
        ),
        rng=rng,
    )


def load(
    net: network_module.Network,
    weights: Mapping[str, torch.Tensor],
    source: str,
) -> None:
    """Give the network weights of the same names and shapes.

    :param source: where they are from, for the error.
    :raises InvalidInput: where a name or shape differs, with both.
    """
    own = net.state_dict()
    for name in {**own, **weights}:
        shapes = [
            str(tuple(tensors[name].shape)) if name in tensors else 'missing'
            for tensors in (weights, own)
        ]
        if shapes[0] != shapes[1]:
            raise exceptions.InvalidInput(
                f'{source}: {name} is {shapes[0]} there and {shapes[1]} in '
                'the network to train; it is of another release or size: '
                'train a new model'
            )
    net.load_state_dict(weights)
