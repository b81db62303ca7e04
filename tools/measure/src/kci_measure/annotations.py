# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which tests and fixtures hide their types behind a bare `Any`."""

import ast
from collections.abc import Iterator, Sequence

from kci_measure.sources import Function, Source


def bare_any(tests: Sequence[Source]) -> list[str]:
    """List the arguments and results of tests and fixtures that are just `Any`."""
    return [
        f"{source.name}:{function.lineno} {function.name}: {name}"
        for source in tests
        for function in source.functions
        if is_test(function) or is_fixture(function)
        for name, annotation in _annotations(function)
        if isinstance(annotation, ast.Name) and annotation.id == "Any"
    ]


def is_test(function: Function) -> bool:
    """Tell whether pytest collects a function."""
    return function.name.startswith("test_")


def is_fixture(function: Function) -> bool:
    """Tell whether a function is a fixture of pytest."""
    return any(
        "fixture" in ast.unparse(decorator) for decorator in function.decorator_list
    )


def _annotations(function: Function) -> Iterator[tuple[str, ast.expr | None]]:
    arguments = function.args
    for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        yield one.arg, one.annotation
    yield "result", function.returns
