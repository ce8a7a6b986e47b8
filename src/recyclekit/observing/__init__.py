"""What a run can be watched by: logs with its ids in them, figures, traces. Hears events; changes nothing."""
