# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""API keys and access tokens, which clients put into URLs although they belong in a header."""

import logging
import re

#: A key or token, also as a URL writes it; what is left tells that there was one.
_KEY = re.compile(r"fcbt?(?:_|%5f)[0-9a-f]{8}(?:_|%5f)[\w%-]+", re.IGNORECASE)
_SHOWN = "fcb_..."
#: Those that print requests: the access log, errors of requests, and paths that lead nowhere.
_LOGGERS = ("werkzeug", "longpolling", "odoo.http", "odoo.service.server", "odoo.addons.base.models.ir_http")


def without_keys(text: str) -> str:
    """Return a text with nothing of the API keys that were in it."""
    return _KEY.sub(_SHOWN, text) if "fcb" in text.lower() else text


class _Filter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if (shown := without_keys(message)) != message:
            record.msg, record.args = shown, ()
        if record.exc_info and record.exc_info[0] and not record.exc_text:
            # Formatters print this text where there is one.
            record.exc_text = without_keys(logging.Formatter().formatException(record.exc_info))
        return True


def install() -> None:
    """Keep keys out of the log from now on."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(known, _Filter) for known in logger.filters):
            logger.addFilter(_Filter())
