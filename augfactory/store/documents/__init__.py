"""What describes a version: its card, and Croissant for machines."""
