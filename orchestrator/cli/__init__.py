"""The front door: one file per command in ``commands``; everything else here serves them.

To add a command: write ``commands/<name>.py`` with a function ``command``, and add its line to ``table.py``.
"""
