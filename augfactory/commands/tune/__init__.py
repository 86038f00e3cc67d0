"""Find the recipe for some images by cross-validation on them."""
