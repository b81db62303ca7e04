# SPDX-License-Identifier: LGPL-2.1-or-later
"""KernelCI's production configuration in our words, and what is broken in it."""

from kci_config.upstream.read import Upstream
from kci_config.upstream.report import Report
from kci_config.upstream.translate import translate
from kci_config.upstream.write import write

__all__ = ["Report", "Upstream", "translate", "write"]
