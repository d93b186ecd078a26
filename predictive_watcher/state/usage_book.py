"""Recent usage in the form in which memories are kept."""

from predictive_watcher.core import recent
from predictive_watcher.core import remembering
from predictive_watcher.core import usage


_LATE = 'late'
_PART, _CONDITIONS = 'usage', 'conditions'  # as `usage.layers` has them


def recent_of(memory: remembering.Memory) -> recent.Recent:
    """The usage that `memory_of` put in."""
    late = memory.parts.get(_LATE)
    length = memory.parts[_PART].shape[1]
    return recent.Recent(
        source=memory.model,
        window=usage.UsageWindow(
            instances=memory.instances,
            start=memory.time - (length - 1) * memory.step_s,
            step_s=memory.step_s,
            usage=memory.parts[_PART],
            conditions=memory.parts.get(_CONDITIONS),
        ),
        late=late,
    )


def memory_of(kept: recent.Recent) -> remembering.Memory:
    """Usage as a memory of its source."""
    parts = usage.layers(kept.window)
    if kept.late is not None:
        parts[_LATE] = kept.late
    return remembering.Memory(
        model=kept.source,
        instances=kept.window.instances,
        time=kept.window.end,
        step_s=kept.window.step_s,
        parts=parts,
    )
