#!/bin/bash
#
# plugin.sh - DevStack plugin script to install Predictive Watcher

# Save trace setting
_XTRACE_PREDICTIVE_WATCHER_PLUGIN=$(set +o | grep xtrace)
set -o xtrace

# shellcheck source=lib/predictive_watcher
source "$PREDICTIVE_WATCHER_DIR/devstack/lib/predictive_watcher"

if is_service_enabled watcher-decision-engine watcher-applier; then
    if [[ "$1" == "stack" && "$2" == "install" ]]; then
        echo_summary "Installing Predictive Watcher"
        install_predictive_watcher
    elif [[ "$1" == "stack" && "$2" == "post-config" ]]; then
        echo_summary "Configuring Predictive Watcher"
        configure_predictive_watcher
    elif [[ "$1" == "stack" && "$2" == "extra" ]]; then
        echo_summary "Restarting Watcher with Predictive Watcher"
        init_predictive_watcher
    fi

    if [[ "$1" == "unstack" ]]; then
        stop_predictive_watcher
    fi

    if [[ "$1" == "clean" ]]; then
        cleanup_predictive_watcher
    fi
fi

# Restore xtrace
$_XTRACE_PREDICTIVE_WATCHER_PLUGIN
