# SPDX-License-Identifier: LGPL-2.1-or-later
"""The texts and integers that a client may send: of limited size, and storable.

All fields of requests are of these types, or narrow them further: for example
`Annotated[Text, Field(max_length=100)]`.
"""

from typing import Annotated

from pydantic import Field

MAX_INTEGER = 2**63 - 1
"""MongoDB's integers have 64 bits."""
NO_NUL = r"^[^\x00]*$"

LongText = Annotated[str, Field(max_length=64 << 10, pattern=NO_NUL)]
"""Half of a surrogate pair is refused, too: a size can be counted in UTF-8 only."""
Text = Annotated[LongText, Field(max_length=4096)]
Integer = Annotated[int, Field(ge=-MAX_INTEGER, le=MAX_INTEGER)]
Key = Annotated[str, Field(pattern=r"^[^\x00]{0,256}$")]
"""Of a map. The pattern has its length: OpenAPI shows nothing else of a key."""
