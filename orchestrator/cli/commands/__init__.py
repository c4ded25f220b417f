"""One module per command of ``holdfast``. Each has a function ``command``; groups have a typer app called ``app``."""
