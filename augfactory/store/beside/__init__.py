"""Tables that lie beside the rows of some versions."""
