"""One way of moving about an encoded image per file."""
