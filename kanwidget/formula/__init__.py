"""From curves to a formula: names for edges, which of them the data support, and their text."""
