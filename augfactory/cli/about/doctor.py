"""``augfactory doctor``."""

from augfactory.cli.session import Debug, Json, Quiet, print_json, session, show


def doctor(json: Json = False, quiet: Quiet = False, debug: Debug = False) -> None:
    """Check this installation, and say how to mend what is missing.

    Looks at versions, processor cores, memory, CUDA devices, optional packages, the disk of the
    working folder, torchvision, the bundled digits and the folder of torchvision's sets. What it
    prints holds no name of a user, a folder or a machine, so that it can go into a bug report.

    \b
    Example:
      augfactory doctor
    """
    with session(as_json=json, quiet=quiet, debug=debug):
        from augfactory.commands import doctor as command

        checks = command.checks()
        if json:
            print_json(command.as_json(checks))
        else:
            show(command.as_text(checks))
