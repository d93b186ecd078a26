"""Predictive Watcher: a goal and a strategy for OpenStack Watcher that
anticipate violations instead of reacting to them.
"""
