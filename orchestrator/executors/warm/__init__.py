"""Ansible kept warm: a process with everything imported, of which each step is a fork."""
