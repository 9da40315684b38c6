"""Which edges are on: ids, edits, thresholds and reachability. It knows masks, not models."""
