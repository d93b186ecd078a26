"""A real mini OpenStack on one machine, for the demo and the tests.

Keystone, Placement, Glance, Nova (API, conductor, scheduler and several
computes with Nova's fake hypervisor), Gnocchi and Watcher, all from PyPI in
one private environment, as ordinary processes bound to 127.0.0.1. By default
the databases are SQLite files and the message broker is a directory, so that
nothing needs root or a system package; MariaDB and RabbitMQ are options.

What is not real: the guests (Nova's fake driver), Neutron (a stub which
answers empty lists), Cinder (none), Ceilometer's polling (a workload
generator writes the measures).

The modules, in the order in which they build on each other:

``errors``      what goes wrong, in one line
``settings``    where a cloud lives: directories, ports, kinds of backends
``progress``    say what happens, wait for conditions
``processes``   start, record and end processes by their own pid
``environment`` the private virtual environment, and the plugin in it
``options``     the configuration of each service, as data
``configure``   ... written to files
``databases``   schemas, and snapshots of them
``catalog``     users and endpoints in Keystone
``cloud``       up, down, restart
``listing``     what runs and how much memory it takes
``inside``      what runs within the services' own processes
"""
