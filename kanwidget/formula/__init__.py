"""Names for curves: functions, their fit to edges, and which of them the data support."""
