# SPDX-License-Identifier: LGPL-2.1-or-later
"""Operators of a query, as in `created__gt`: which there are, and MongoDB's names."""

EQUALITY = frozenset({"", "ne", "in", "nin"})
ORDER = EQUALITY | {"lt", "lte", "gt", "gte"}
PATTERN = "re"
INTEGER = "int"
"""Equality with a whole number, as today's clients write it."""


def mongo_operator(operator: str) -> str:
    """Return MongoDB's name of an operator."""
    names = {"": "$eq", INTEGER: "$eq", PATTERN: "$regex"}
    return names.get(operator, f"${operator}")
