"""From torch to a file that onnxruntime scores."""

import io
import warnings

import onnx
import torch

from predictive_watcher.training import network as network_module


INPUTS = ('x', 'h', 'c')
OUTPUTS = ('quantiles', 'weight', 'mean', 'spread', 'h_out', 'c_out')
OPSET = 17


def onnx_bytes(network: network_module.Network, features: int) -> bytes:
    """The stateful graph: x[time, batch, features], h, c → `OUTPUTS`.

    The exporter that traces is used on purpose: the newer one (dynamo)
    froze the length of time without an error.
    """
    model = network_module.Stateful(network).eval()
    state = torch.zeros(1, 2, network.hidden)
    axes: dict[str, dict[int, str]] = {'x': {0: 'time', 1: 'batch'}}
    axes |= {name: {1: 'batch'} for name in ('h', 'c', 'h_out', 'c_out')}
    axes |= {name: {0: 'batch'} for name in OUTPUTS[:4]}
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # it warns that it is the older exporter, and of a state that is no
        # input; ours is one
        warnings.simplefilter('ignore')
        torch.onnx.export(
            model,
            (torch.zeros(3, 2, features), state, state),
            buffer,  # type: ignore[arg-type]
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    data = buffer.getvalue()
    onnx.checker.check_model(onnx.load_model_from_string(data))
    return data
