"""Recent usage in the form in which memories are kept."""

from predictive_watcher.core import recent
from predictive_watcher.core import remembering
from predictive_watcher.core import usage


_PART = 'usage'


def recent_of(memory: remembering.Memory) -> recent.Recent:
    """The usage that `memory_of` put in."""
    found = memory.parts[_PART]
    return recent.Recent(
        source=memory.model,
        window=usage.UsageWindow(
            instances=memory.instances,
            start=memory.time - (found.shape[1] - 1) * memory.step_s,
            step_s=memory.step_s,
            usage=found,
        ),
    )


def memory_of(kept: recent.Recent) -> remembering.Memory:
    """Usage as a memory of its source."""
    return remembering.Memory(
        model=kept.source,
        instances=kept.window.instances,
        time=kept.window.end,
        step_s=kept.window.step_s,
        parts={_PART: kept.window.usage},
    )
