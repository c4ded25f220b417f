"""What happens next: planner, conductor (pure), runner (the only loop with effects), resume, rollback."""
