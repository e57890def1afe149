"""A call that must raise, on either interpreter."""


def refuses(error, call, *args, **kwargs):
    """The exception that `call` raises, which must be an `error`."""
    try:
        call(*args, **kwargs)
    except error as refused:
        return refused
    raise AssertionError("not refused")
