"""What a command tells while it works, kept to be looked at."""

from augfactory.commands.progress import Progress


class Told(Progress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)
