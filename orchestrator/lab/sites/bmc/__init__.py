"""The baseboard management controllers of the hosts lab: a Redfish service (DMTF DSP0266) per host over HTTPS.

``place`` makes and finds their files, ``service`` is the program that serves them, ``faults`` breaks and heals them
from any process. They switch the real power of the lab's hosts through the small port in ``port``; nothing heavy is
imported here.
"""
