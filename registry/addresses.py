"""Addresses of stores as they may be shown and kept, and as they are opened."""

import os
import re
from collections.abc import Mapping
from urllib.parse import quote

from factory.errors import BadConfig

PASSWORD = re.compile(r"(://[^:/@]*):(?!\$\{\w+\}@)[^@/]*@")
VARIABLE = re.compile(r"\$\{(\w+)\}")


def without_password(location: str) -> str:
    """Return a location as it may be shown and kept.

    >>> without_password("postgresql://me:secret@host/shop#orders")
    'postgresql://me:***@host/shop#orders'
    >>> without_password("postgresql://me:${SHOP}@host/shop#orders")
    'postgresql://me:${SHOP}@host/shop#orders'
    >>> without_password("orders.csv")
    'orders.csv'
    """
    return PASSWORD.sub(r"\1:***@", location)


def require_no_password(location: str) -> None:
    """Refuse an address that holds a password where it would be kept for others to read.

    Raises:
        BadConfig: it does.

    >>> require_no_password("postgresql://me:${SHOP}@host/shop#orders")
    >>> require_no_password("postgresql://me:secret@host/shop#orders")
    Traceback (most recent call last):
        ...
    factory.errors.BadConfig: postgresql://me:***@host/shop#orders would be kept with its password.
      fix: write ${NAME} in place of the password, and set NAME in the environment
    """
    shown = without_password(location)
    if shown != location:
        raise BadConfig(
            f"{shown} would be kept with its password.",
            hint="write ${NAME} in place of the password, and set NAME in the environment",
        )


def opened(address: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return an address as it is opened: ``${NAME}`` becomes what the environment says.

    Raises:
        BadConfig: the environment lacks a name.

    >>> opened("postgresql://me:${SHOP}@host/shop", {"SHOP": "a/b@c"})
    'postgresql://me:a%2Fb%40c@host/shop'
    """

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in environ:
            raise BadConfig(f"{address} needs the variable {name}.", hint=f"export {name}=...")
        return quote(environ[name], safe="")

    return VARIABLE.sub(value, address)
