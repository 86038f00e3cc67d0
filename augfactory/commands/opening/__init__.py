"""Open what the user names: sources, versions, models, unlabelled images, files."""
