"""Champion and challenger: which of two models is better on held-out time."""

import functools
import pathlib

from predictive_watcher import exceptions
from predictive_watcher.cli import progress
from predictive_watcher.core import accuracy
from predictive_watcher.core import replay
from predictive_watcher.models import runtime
from predictive_watcher.telemetry import resample
from predictive_watcher.telemetry import traces


# As training parts a trace: what is before this share may have been learned.
_HELD_OUT = 17880 / 26784
_ORIGINS = 700  # at most, evenly spread


def better(
    challenger: runtime.OnnxForecaster,
    champion: runtime.OnnxForecaster,
    paths: list[pathlib.Path],
) -> str:
    """Why the challenger is better, on the held-out time of all traces.

    :raises ModelRefused: where it is not.
    :raises InvalidTrace: where a trace cannot be used.
    """
    if champion.identity == challenger.identity:
        raise exceptions.ModelRefused(
            f'{challenger.name}: it is the model in use already'
        )
    bar = progress.Bar()
    ours, theirs = (
        _scores(model, paths, bar) for model in (challenger, champion)
    )
    bar.end()
    _tell_averaged(challenger, paths)
    print(accuracy.table({challenger.name: ours, champion.name: theirs}))
    ratio = accuracy.loss_ratio(ours, theirs)
    text = f'{ratio:.4f} times the quantile loss of {champion.name}'
    if not ratio < 1:  # nothing to compare is not better either
        raise exceptions.ModelRefused(
            f'{challenger.name}: not promoted, it has {text}; --force does '
            'it all the same'
        )
    return text


def _tell_averaged(
    model: runtime.OnnxForecaster, paths: list[pathlib.Path]
) -> None:
    for path in paths:
        if said := resample.said(traces.read(path), model.card.step_s):
            print(said)


def _scores(
    model: runtime.OnnxForecaster,
    paths: list[pathlib.Path],
    bar: progress.Bar,
) -> dict[str, float | None]:
    """Figures on the held-out time of all traces."""
    outcomes = []
    for path in paths:
        trace = resample.to_step(traces.read(path), model.card.step_s)
        length = trace.window.usage.shape[1]
        at = replay.origins(round(_HELD_OUT * length), length, _ORIGINS)
        if not len(at):
            raise exceptions.InvalidTrace(
                f'{path}: {length} steps are too few to compare models'
            )
        found = replay.recurrent(
            model,
            trace.window,
            trace.limits,
            at,
            accuracy.CEILING,
            model.card.context,
            functools.partial(bar.tell, f'following {model.name}'),
            calibrated=True,
        )
        outcomes.append(found.outcome(trace.window, trace.limits))
    return accuracy.scores(outcomes)
