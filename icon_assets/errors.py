"""The one exception that the command line shows without a traceback: what its user can mend."""


class UserError(Exception):
    """Something that the user can mend; the message names the cause and the remedy."""
