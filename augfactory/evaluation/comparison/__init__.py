"""Compare what classifiers came to: runs, curves, intervals, the verdict."""
