"""Fits any adapter's model under its masks."""
