"""Holdfast: emergency recoveries, and the drills that prove them."""

__version__ = "0.1.0"
