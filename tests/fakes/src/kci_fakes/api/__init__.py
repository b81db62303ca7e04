# SPDX-License-Identifier: LGPL-2.1-or-later
"""The API in memory: what `ApiClient` offers, without a server."""

from kci_fakes.api.fake import Call, FakeApi

__all__ = ["Call", "FakeApi"]
