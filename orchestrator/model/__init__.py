"""What things are: documents, plan, event, state, measurement. No I/O and no clock."""
