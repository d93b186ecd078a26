"""Every rule that Nova can show, on one running cloud.

``servers``    who is there, and how each behaves
``site``       what an operator sets up: flavors, projects, hosts, services
``telemetry``  what Ceilometer would have measured of them
``stage``      all of it together, and the audits that look at it
"""
