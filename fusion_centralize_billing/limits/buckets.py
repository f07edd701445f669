# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Rate limits: token buckets in PostgreSQL, from which worker processes lease tokens.

A bucket is a row of an unlogged table: it need not survive a crash, and no change of it is written to the log. A
worker takes some tokens at once, in a short transaction, and spends them from memory, so that a busy key does
not write its row for each request. Leased tokens are out of the bucket before they are spent: over all workers
and nodes there are never more than the limit; those that are not spent within LEASE_SECONDS are lost.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from odoo.sql_db import BaseCursor

from .connection import open_cursor

TABLE = "fusion_billing_token_bucket"
LEASE_SECONDS = 1.0
_MAX_LEASE = 25
_MAX_REMEMBERED = 2000

_CREATE = f"""
    CREATE UNLOGGED TABLE IF NOT EXISTS {TABLE} (
        name varchar PRIMARY KEY,
        tokens float8 NOT NULL,
        leased float8 NOT NULL,
        filled_at timestamptz NOT NULL
    ) WITH (fillfactor = 50)
"""
_FORGET = f"""
    DELETE FROM {TABLE} WHERE name IN
        (SELECT name FROM {TABLE} WHERE filled_at < now() - interval '1 day' LIMIT %s)
"""
# Times are those of the database, whose clock all nodes share. Waiting for the row makes the time that was read
# before look early, which grants less, never more.
_LEASE = f"""
    INSERT INTO {TABLE} AS bucket (name, tokens, leased, filled_at)
    VALUES (%(name)s, %(burst)s - %(first)s, %(first)s, clock_timestamp())
    ON CONFLICT (name) DO UPDATE SET (tokens, leased, filled_at) = (
        SELECT level - granted, granted, GREATEST(bucket.filled_at, excluded.filled_at)
        FROM (SELECT LEAST(%(burst)s, bucket.tokens + %(rate)s
              * GREATEST(0, EXTRACT(EPOCH FROM excluded.filled_at - bucket.filled_at)::float8)) AS level) AS filled,
             LATERAL (SELECT GREATEST(0, LEAST(%(want)s, FLOOR(level))) AS granted) AS grant_
    )
    RETURNING leased, tokens
"""


@dataclass(frozen=True)
class Limit:
    """:param rate: tokens a second
    :param burst: tokens of a full bucket
    """

    rate: float
    burst: int

    @property
    def lease(self) -> int:
        """Tokens that are taken at once: a twentieth of a second's, one by one where the limit is small."""
        return max(1, min(_MAX_LEASE, int(self.rate / 20)))


@dataclass
class State:
    """A bucket after a request, as far as this worker knows.

    :param allowed: whether the request got its tokens
    :param retry_after: whole seconds until it would; 0 if it did
    """

    limit: Limit
    allowed: bool
    remaining: int
    retry_after: int = 0

    @property
    def reset(self) -> int:
        """Whole seconds until the bucket is full."""
        return math.ceil(max(0, self.limit.burst - self.remaining) / self.limit.rate)


@dataclass
class _Lease:
    tokens: float = 0
    in_bucket: float = 0
    expires: float = 0.0
    empty_until: float = 0.0


_leases: OrderedDict[tuple[str, str], _Lease] = OrderedDict()
_lock = threading.Lock()


def spend(dbname: str, name: str, limit: Limit, count: int = 1) -> State:
    """Take tokens from a bucket, all or none; more than it can ever hold count as all that it holds."""
    count = min(count, limit.burst)
    with _lock:
        lease = _remembered(dbname, name)
        now = time.monotonic()
        lease.tokens = min(lease.tokens, limit.burst) if now < lease.expires else 0
        if lease.tokens < count and now < lease.empty_until:
            return _refused(limit, lease, count)  # the database said so a moment ago
        if lease.tokens < count:
            _fill(dbname, name, limit, lease, max(count - lease.tokens, limit.lease))
        if lease.tokens < count:
            state = _refused(limit, lease, count)
            lease.empty_until = time.monotonic() + min(1 / limit.rate, LEASE_SECONDS)
            return state
        lease.tokens -= count
        return State(limit, True, _left(limit, lease))


def create_table(cr: BaseCursor) -> None:
    """Make the table of the buckets, unless it is there."""
    cr.execute(_CREATE)


def forget_old(cr: BaseCursor, limit: int) -> int:
    """Delete buckets that have been full for long, and return how many there were."""
    cr.execute(_FORGET, [limit])
    return int(cr.rowcount)


def _remembered(dbname: str, name: str) -> _Lease:
    lease = _leases.setdefault((dbname, name), _Lease())
    _leases.move_to_end((dbname, name))
    while len(_leases) > _MAX_REMEMBERED:
        _leases.popitem(last=False)
    return lease


def _fill(dbname: str, name: str, limit: Limit, lease: _Lease, want: float) -> None:
    values = {"name": name, "burst": limit.burst, "rate": limit.rate}
    values |= {"want": math.ceil(want), "first": min(math.ceil(want), limit.burst)}
    with open_cursor(dbname) as cr:
        # The loss of the last moments in a crash of the database gives away no more than a full bucket would.
        cr.execute("SET LOCAL synchronous_commit = off")
        cr.execute(_LEASE, values)
        granted, lease.in_bucket = cr.fetchone()
    lease.tokens += granted
    lease.expires = time.monotonic() + LEASE_SECONDS


def _refused(limit: Limit, lease: _Lease, count: int) -> State:
    missing = count - lease.tokens - lease.in_bucket
    return State(limit, False, _left(limit, lease), max(1, math.ceil(missing / limit.rate)))


def _left(limit: Limit, lease: _Lease) -> int:
    return int(min(lease.tokens + lease.in_bucket, limit.burst))  # the limit may have been lowered
