"""The embedded lab: a real PostgreSQL pair, a backup vault and an order service as local processes.

No root, no installed server. ``orchestrator.lab.lab.Lab`` is the way in; nothing heavy is imported here, because the
power switch and the fault tool are programs of their own and must start fast.
"""
