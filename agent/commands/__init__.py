"""What each command of the command line takes and does; imported when one runs, never for ``--help``."""
