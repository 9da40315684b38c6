"""Functions that can stand on an edge in the place of its spline, and their constants."""
