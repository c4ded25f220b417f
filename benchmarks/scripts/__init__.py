"""What people would write by hand: the contestants' own files, as text."""
