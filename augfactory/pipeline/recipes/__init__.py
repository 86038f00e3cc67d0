"""What is asked for: the stages of a recipe, the file that says them, what is taken unsaid."""
