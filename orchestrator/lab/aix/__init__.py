"""A SIMULATED pair of AIX hosts under PowerHA with Db2 HADR, and the HMC that powers them.

Such machines cannot be had on a laptop. These are programs of their names that keep one state file, print what the
documentation shows, and refuse what the real ones refuse; nothing here is an AIX, a cluster or a database. The
inventory calls every host ``holdfast_simulated``, so that no run here ever counts as a verification.

``world`` is the state and its arithmetic; ``paging``, ``system``, ``cluster``, ``database`` and ``hmc`` are the
commands; ``faults`` breaks things, ``command`` is what the programs run, ``lab`` makes it all and takes it away.
"""
