# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Encryption of stored secrets with a key that is not in the database.

The key comes from the environment variable FUSION_BILLING_SECRET_KEY, or from odoo.conf:

    [fusion_billing]
    secret_key = ...
    secret_key_file = /path/to/key

It is a Fernet key (32 random bytes in URL-safe base64). Several may be given, separated by commas,
the newest first: the first encrypts, all decrypt, so that keys can be replaced without a stop.
"""

import functools
import os
from configparser import ConfigParser
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from odoo.exceptions import UserError
from odoo.tools import config

ENVIRONMENT_VARIABLE = "FUSION_BILLING_SECRET_KEY"
SECTION = "fusion_billing"


class SecretKeyError(UserError):
    """There is no usable key, or a secret was encrypted with another one."""


def encrypt(secret: str) -> str:
    """Return ``secret`` encrypted, as text. Raises SecretKeyError without a key."""
    return _fernet().encrypt(secret.encode()).decode()


def decrypt(token: str) -> str:
    """Return what was encrypted. Raises SecretKeyError if no configured key fits."""
    try:
        return _fernet().decrypt(token.encode()).decode()
    except InvalidToken as exc:
        raise SecretKeyError("A stored secret cannot be read: it was encrypted with another key.") from exc


def _fernet() -> MultiFernet:
    keys = [key.strip() for key in _configured_keys().split(",") if key.strip()]
    if not keys:
        raise SecretKeyError(
            "Secrets cannot be stored: no encryption key is configured. Set the environment variable "
            f"{ENVIRONMENT_VARIABLE}, or secret_key or secret_key_file in section [{SECTION}] of odoo.conf."
        )
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as exc:
        raise SecretKeyError("The encryption key is not a Fernet key (32 bytes in URL-safe base64).") from exc


def _configured_keys() -> str:
    if ENVIRONMENT_VARIABLE in os.environ:
        return os.environ[ENVIRONMENT_VARIABLE]
    return _keys_of_configuration(config.get("config") or "")


@functools.lru_cache(maxsize=1)
def _keys_of_configuration(path: str) -> str:
    # Odoo's own configuration keeps no sections but [options] (odoo/tools/config.py), so it is read again.
    parser = ConfigParser(interpolation=None)
    parser.read(path)
    section = parser[SECTION] if parser.has_section(SECTION) else {}
    if section.get("secret_key"):
        return section["secret_key"]
    file = section.get("secret_key_file")
    try:
        return Path(file).read_text() if file else ""
    except OSError as exc:
        raise SecretKeyError(f"The file with the encryption key cannot be read: {exc.strerror}.") from exc
