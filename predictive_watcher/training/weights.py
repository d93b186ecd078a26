"""The weights of a network out of its model file.

What `export` wrote is read again: most tensors are in the file under their
own names; those of matrix products and of the LSTM are turned and renamed by
the exporter, and are found through the nodes that use them.
"""

from collections.abc import Callable

import numpy as np
import onnx
from onnx import numpy_helper
from onnx import reference
import torch

from predictive_watcher import exceptions
from predictive_watcher.training import network as network_module


_ROOT = 'network.'  # of `network.Stateful`
# gates of an LSTM: i o f c in ONNX, i f c o in torch
_GATES = (0, 2, 3, 1)
_FAR = 1e-3  # rounding is a hundred times less


def of_onnx(data: bytes, source: str) -> dict[str, torch.Tensor]:
    """Weights by the names that `network.Network` gives them.

    :param source: the file's name, for the error.
    :raises ModelRefused: where the file is not as `export` writes it.
    """
    try:
        graph = onnx.load_model_from_string(data).graph
        stored = {
            one.name: numpy_helper.to_array(one) for one in graph.initializer
        }
        found = {
            name.removeprefix(_ROOT): array
            for name, array in stored.items()
            if name.startswith(_ROOT)
        }
        for node in graph.node:
            read = _READERS.get(node.op_type)
            if read is not None and node.input[1] in stored:
                found |= read(node, stored)
    except Exception as error:
        # protobuf's and onnx' errors have no common base
        raise exceptions.ModelRefused(
            f'{source}: its weights cannot be read ({error}); train a new '
            'model'
        ) from error
    return {
        name: torch.from_numpy(np.array(array, np.float32))
        for name, array in found.items()
    }


def check_answers(
    net: network_module.Network, data: bytes, source: str
) -> None:
    """Nothing, if the network answers as the file does.

    Weights may fit by name and shape and mean something else: a release that
    squeezes its inputs in another way, say.

    :raises ModelRefused: where it does not.
    """
    rng = np.random.default_rng(0)
    features = len(net.center)
    feed = {
        'x': rng.normal(0, 2, (3, 2, features)).astype(np.float32),
        'h': rng.normal(0, 1, (1, 2, net.hidden)).astype(np.float32),
        'c': rng.normal(0, 1, (1, 2, net.hidden)).astype(np.float32),
    }
    model = network_module.Stateful(net).eval()
    with torch.no_grad():
        ours = model(*(torch.from_numpy(a) for a in feed.values()))
    try:
        graph = onnx.load_model_from_string(data)
        theirs = reference.ReferenceEvaluator(graph).run(None, feed)
        pairs = list(zip(ours, theirs, strict=True))
        far = max(float(np.abs(a.numpy() - b).max()) for a, b in pairs)
    except Exception as error:
        # as above; whatever it cannot run is not what `export` writes
        raise exceptions.ModelRefused(
            f'{source}: it cannot be run ({error}); train a new model'
        ) from error
    if not far < _FAR:
        raise exceptions.ModelRefused(
            f'{source}: with the same weights, the network of this release '
            f'answers otherwise (by up to {far:.3g}); train a new model'
        )


Arrays = dict[str, np.ndarray]


def _module(node: str) -> str:
    """The module that a node comes from.

    >>> _module('/inner/inner.0/MatMul'), _module('/lstm/LSTM_1')
    ('inner.0', 'lstm')
    """
    name = ''
    for part in node.strip('/').split('/')[:-1]:
        inside = part.startswith(f'{name}.')
        name = part if inside or not name else f'{name}.{part}'
    return name


def _product(node: onnx.NodeProto, stored: Arrays) -> Arrays:
    module = _module(node.name)
    if not module:
        return {}  # with a constant of the network's own
    return {f'{module}.weight': stored[node.input[1]].T}


def _lstm(node: onnx.NodeProto, stored: Arrays) -> Arrays:
    kind = node.name.rpartition('/')[2]
    layer = kind.removeprefix('LSTM').removeprefix('_') or '0'
    module = _module(node.name)
    into, around, bias = (stored[name][0] for name in node.input[1:4])
    halves = np.split(bias, 2)
    return {
        f'{module}.{name}_l{layer}': _torch_gates(array)
        for name, array in (
            ('weight_ih', into),
            ('weight_hh', around),
            ('bias_ih', halves[0]),
            ('bias_hh', halves[1]),
        )
    }


def _torch_gates(array: np.ndarray) -> np.ndarray:
    gates = np.split(array, len(_GATES))
    return np.concatenate([gates[k] for k in _GATES])


_READERS: dict[str, Callable[[onnx.NodeProto, Arrays], Arrays]] = {
    'MatMul': _product,
    'LSTM': _lstm,
}
