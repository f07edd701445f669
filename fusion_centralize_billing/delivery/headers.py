# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The HTTP headers of a delivery: ours, and those of Standard Webhooks."""

from collections.abc import Sequence

from ..crypto.signatures import sign, standard_signature
from ..crypto.webhook_secrets import standard_key


def build(event_type: str, delivery_id: str, timestamp: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """Return the headers of one attempt.

    :param delivery_id: the same for all attempts: receivers know a repetition by it
    :param timestamp: of this attempt, in seconds since 1970
    :param secrets: the current one, and while it is being replaced the former one, which then signs, too
    """
    current, *former = secrets
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Fusion-Billing/1",
        "X-Fusion-Signature": sign(current, body),
        "X-Fusion-Event": event_type,
        "X-Fusion-Delivery": delivery_id,
    }
    if former:
        headers["X-Fusion-Signature-Previous"] = sign(former[0], body)
    return headers | _standard(delivery_id, timestamp, body, secrets)


def _standard(delivery_id: str, timestamp: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """Return the headers of Standard Webhooks; none if no secret has the form that they need."""
    keys = [key for secret in secrets if (key := standard_key(secret))]
    if not keys:
        return {}
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(standard_signature(key, delivery_id, timestamp, body) for key in keys),
    }
