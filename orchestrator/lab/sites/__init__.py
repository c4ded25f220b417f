"""The hosts lab: two sites of real hosts in namespaces of this machine's kernel, to break and to recover.

``orchestrator.lab.sites.lab.SitesLab`` is the way in. Root on Debian only; see docs/hosts-lab.md.
"""
