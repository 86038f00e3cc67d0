"""Commands that only look: ``inspect`` at a source, ``doctor`` at this installation."""
