"""Addresses of stores as they may be shown, and as they are opened."""

import re


def without_password(location: str) -> str:
    """Return a location as it may be shown and kept.

    >>> without_password("postgresql://me:secret@host/shop#orders")
    'postgresql://me:***@host/shop#orders'
    >>> without_password("orders.csv")
    'orders.csv'
    """
    return re.sub(r"(://[^:/@]*):[^@/]*@", r"\1:***@", location)
