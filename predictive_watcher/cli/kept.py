"""Where the state of audits is, for commands that show it."""

import argparse
import pathlib
import warnings

from predictive_watcher import exceptions


def directory(arguments: argparse.Namespace, otherwise: str) -> pathlib.Path:
    """The folder of ``--state-directory``, or that of the configuration.

    :param otherwise: what follows of it that no folder is configured.
    :raises InvalidConfig: where none is.
    """
    given: pathlib.Path | None = arguments.state_directory
    if given is not None:
        return given
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of others
        from predictive_watcher import wiring
        from predictive_watcher.cli import site

    text = wiring.options(
        site.configuration(arguments.config_file)
    ).state_directory
    if not text:
        raise exceptions.InvalidConfig(
            f'[predictive_watcher] state_directory is empty: {otherwise}'
        )
    return pathlib.Path(text)


def nothing(directory: pathlib.Path, what: str) -> exceptions.StateError:
    """The error that a folder holds none of ``what``."""
    return exceptions.StateError(
        f'{directory} holds no {what}: either no audit has run on this '
        'host yet, or its state is elsewhere; name the folder with '
        '--state-directory or the configuration with --config-file'
    )
