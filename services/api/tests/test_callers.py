# SPDX-License-Identifier: LGPL-2.1-or-later
import re

import pytest

from kci_api.callers.rules import (
    SCOPE,
    USERNAME,
    Caller,
    check_admin,
    is_placeholder,
    service_caller,
)
from kci_shared.errors import NotPermitted


@pytest.mark.parametrize(
    "scope",
    ["admin", "nodes:write", "runtime:lab-x.1", "node:6b02e3dffe3cce038f7e6c05"],
)
def test_valid_scopes_match(scope: str) -> None:
    assert re.fullmatch(SCOPE, scope)


@pytest.mark.parametrize(
    "scope", ["", "nodes:read", "runtime:", "runtime:a b", "node:1", "admin\n", "*"]
)
def test_anything_else_is_no_scope(scope: str) -> None:
    assert not re.fullmatch(SCOPE, scope)


def test_a_username_is_never_an_e_mail_address() -> None:
    assert re.fullmatch(USERNAME, "lab-bridge_1.x+y")
    assert not re.fullmatch(USERNAME, "a@b")


def test_a_service_is_restricted_to_its_scopes() -> None:
    caller = service_caller("bridge", frozenset({"runtime:x"}))
    assert caller == Caller("bridge", scopes=frozenset({"runtime:x"}))
    with pytest.raises(NotPermitted, match="Forbidden"):
        check_admin(caller)


def test_the_scope_admin_makes_an_administrator() -> None:
    caller = service_caller("operator", frozenset({"admin", "nodes:write"}))
    check_admin(caller)
    assert caller.scopes is None


@pytest.mark.parametrize(
    "secret",
    ["", "a" * 64, "ChangeMe-please-0123456789abcdef", "my-secret-key-0123456"],
)
def test_placeholders_are_recognised(secret: str) -> None:
    assert is_placeholder(secret)


def test_a_random_secret_is_accepted() -> None:
    assert not is_placeholder("7mfP2Q_9xXxXxVh4Lk0tE3rB8wZ1nC6y")
