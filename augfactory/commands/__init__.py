"""What the tool can do, as functions; the only place that wires the rooms below."""
