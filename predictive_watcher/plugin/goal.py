"""The goal that an audit names: anticipate violations and prevent them."""

from watcher.decision_engine.goal import base

from predictive_watcher.plugin import efficacy


class ViolationPrevention(base.Goal):
    """Keep every instance and node below its limits, ahead of time.

    The names and the efficacy specification are data that Watcher stores:
    changing any of them cancels the running audits of this goal at the next
    sync, so a change belongs in the release notes as an upgrade step.
    """

    @classmethod
    def get_name(cls) -> str:
        return 'violation_prevention'

    @classmethod
    def get_display_name(cls) -> str:
        return 'Violation prevention'

    @classmethod
    def get_translatable_display_name(cls) -> str:
        return 'Violation prevention'

    @classmethod
    def get_efficacy_specification(cls) -> efficacy.ViolationPreventionSpec:
        return efficacy.ViolationPreventionSpec()
