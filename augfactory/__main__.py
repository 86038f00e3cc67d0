"""``python -m augfactory``."""

from augfactory.cli.app import main

if __name__ == "__main__":
    main()
