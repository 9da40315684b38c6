"""Trains the live model of any adapter, under the masks that it has."""
