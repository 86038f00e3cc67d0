"""From a recipe to rows: plan, partners, rendering. Touches no files."""
