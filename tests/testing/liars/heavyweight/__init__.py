"""A package that loads something heavy as soon as it is imported."""

import sqlalchemy  # noqa: F401  # that is the lie

from recyclekit.connectors import Opening


def open_source(settings: object, opening: Opening) -> object:
    raise NotImplementedError
