"""The composition root: the only place that knows all rooms, and the holder of the system clock."""
