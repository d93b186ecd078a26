"""What each instance runs, as far as anybody says."""

from collections.abc import Iterable
from collections.abc import Mapping
import logging

from oslo_config import cfg

from predictive_watcher import exceptions
from predictive_watcher import wiring
from predictive_watcher.cloud import nova as nova_module
from predictive_watcher.core import fleet as fleet_module
from predictive_watcher.core import policy
from predictive_watcher.core import resolving
from predictive_watcher.core import rules as rules_module


LOG = logging.getLogger(__name__)


def of(
    conf: cfg.ConfigOpts,
    fleet: fleet_module.Fleet,
    rules: Iterable[rules_module.Rule],
    nova: nova_module.Nova,
    now: int,
) -> dict[str, str]:
    """By instance id, the application; who runs an unknown one is left out.

    The label of a policy counts first, then the server's metadata, then the
    property of the image: the operator before the owner, and the owner of
    the server before that of what it was made from.

    :param now: Unix seconds, for rules that hold at times only.
    """
    found = of_metadata(conf, fleet.instances) | labels(rules, fleet, now)
    key = wiring.options(conf).application_image_property
    rest = [one for one in fleet.instances if one.id not in found]
    if key and rest:
        named = _of_images(nova, {one.image for one in rest} - {''}, key)
        found |= {one.id: named[one.image] for one in rest
                  if named.get(one.image)}  # fmt: skip
    return found


def labels(
    rules: Iterable[rules_module.Rule], fleet: fleet_module.Fleet, now: int
) -> dict[str, str]:
    """What policies say, by instance id.

    :param now: Unix seconds.
    :raises InvalidInput: where a rule has a value that no policy may have.
    """
    rules = tuple(rules)
    if not any('application' in rule.settings for rule in rules):
        return {}
    own = resolving.resolve(rules, fleet, policy.Policy(), now)
    said = [one.application for one in own.policies]
    return {
        instance.id: said[k]
        for instance, k in zip(fleet.instances, own.index, strict=True)
        if said[k]
    }


def of_metadata(
    conf: cfg.ConfigOpts, instances: Iterable[fleet_module.Instance]
) -> dict[str, str]:
    """What the servers' own metadata say, by instance id."""
    key = wiring.options(conf).application_metadata
    said = {one.id: _named(one.metadata.get(key, '')) for one in instances}
    return {instance: name for instance, name in said.items() if name}


def _named(text: str) -> str:
    """A name as logs and terminals can show it: the owner of a server or an
    image may write line breaks and escape sequences.

    >>> _named('shop\\n\\x1b[2J')
    'shop[2J'
    """
    return ''.join(c for c in text if c.isprintable()).strip()


def _of_images(
    nova: nova_module.Nova, images: set[str], key: str
) -> Mapping[str, str]:
    """What images say, by their id; nothing where Glance does not answer."""
    try:
        said = nova.image_property(images, key)
        return {image: _named(text) for image, text in said.items()}
    except exceptions.CloudError as error:
        LOG.warning(
            'the property %s of %d images is not known, and nobody has an '
            'application from there: %s', key, len(images), error,
        )  # fmt: skip
        return {}
