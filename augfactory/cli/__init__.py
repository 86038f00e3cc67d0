"""One file per command: parse, call one function of commands/, print."""
