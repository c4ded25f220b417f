"""Hands: what a step can do, one module per kind of action. ``contract`` says what an executor promises."""
