"""The demonstration: a day in a small cloud, and what comes after it.

The modules, in the order in which they build on each other:

``fleet``     the flavors and servers, and how each server behaves
``workload``  what the servers want, made from shapes and noise
``replay``    ... or taken from a recorded trace
``physics``   what they get: limits of flavors and nodes
``samples``   what Ceilometer would report of it
``gnocchi``   written as measures
``openstack`` the ``openstack`` command, and what the APIs say
``stage``     flavors, servers and telemetry before the story begins
``journal``   what happened, step by step
``audit``     a continuous audit, and its plans applied
``story``     time runs, step by step
``outcome``   what it meant, computed from the journal
``table``     printed for people, and as JSON
``play``      all of it, from an empty cloud on
"""
