"""What pruning costs, on a private copy of the model."""
