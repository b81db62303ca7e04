# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page for a person who opens the address of the API in a browser."""

from html import escape
from importlib.metadata import version

from fastapi import Request
from fastapi.responses import HTMLResponse

from kci_api.dependencies import find_store
from kci_api.settings import Settings

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>KernelCI API</title></head>
<body>
<h1>KernelCI API</h1>
<p>This is version {version} of the API for programs: results of kernel tests, jobs of
labs, and events.</p>
<ul>
{links}
</ul>
</body>
</html>
"""
LINKS = {
    "/docs": "Documentation of all routes",
    "/openapi.json": "The same for programs (OpenAPI)",
    "/latest/nodes": "The oldest nodes",
    "/latest/runtimes": "Labs, and the counts of their jobs",
}


async def front_page(request: Request) -> HTMLResponse:
    """Return the page, with a link to the dashboard if the settings name one."""
    dashboard = find_store(request, Settings).dashboard_url
    links = {dashboard: "Dashboard", **LINKS} if dashboard else LINKS
    items = "\n".join(
        f'<li><a href="{escape(target)}">{text}</a></li>'
        for target, text in links.items()
    )
    return HTMLResponse(PAGE.format(version=version("kci-api"), links=items))
