# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What each operation accepts. Unknown fields are refused, every fault is reported with its path."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ..rating import has_plain_digits
from .errors import FieldError, InvalidPayloadError
from .numbers import CODE as NUMBER_OUT_OF_RANGE
from .numbers import MESSAGE as NUMBER_MESSAGE
from .numbers import OUT_OF_RANGE, OutOfRangeNumber, is_out_of_range, property_text

#: The most usage events in one request.
MAX_EVENTS = 5000
#: The most faults listed in one answer, and of one counter that is rejected.
MAX_REPORTED_ERRORS = 100
_MAX_ERRORS_OF_EVENT = 20

_EARLIEST = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)
_LATEST = datetime.datetime(2100, 1, 1, tzinfo=datetime.timezone.utc)
# PostgreSQL's text knows no NUL, UTF-8 no lone surrogates; other control characters only do harm in ids.
_UNSTORABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
#: What names the first day of a change beside a date.
EFFECTIVE_WORDS = ("now", "period_end")
_DIGITS = re.compile(r"[0-9]{1,10}\Z")


def is_storable(text: str) -> bool:
    """Tell whether an id or name can have this text."""
    return not _UNSTORABLE.search(text)


def _check_text(value: str) -> str:
    if not is_storable(value):
        raise PydanticCustomError("invalid_characters", "The text has control characters or broken Unicode.")
    return value


def _check_not_blank(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("blank", "The text is empty.")
    return value


def _require_time_text(value: Any) -> Any:
    if type(value) is datetime.date:  # as GraphQL reads a day; its text is one that pydantic reads
        return datetime.datetime.combine(value, datetime.time.min)
    # pydantic would also take numbers, as seconds since 1970: a mistaken unit would pass unnoticed.
    if not isinstance(value, (str, datetime.datetime)):
        raise PydanticCustomError("datetime_type", "A date and time is needed, such as 2026-05-01T00:00:00Z.")
    return value


def _to_utc(value: datetime.datetime) -> datetime.datetime:
    """Return an aware time in UTC; a time without zone is taken as UTC."""
    try:
        value = (
            value.replace(tzinfo=datetime.timezone.utc)
            if value.tzinfo is None
            else value.astimezone(datetime.timezone.utc)
        )
    except OverflowError:
        value = _LATEST
    if not _EARLIEST <= value < _LATEST:
        raise PydanticCustomError("datetime_out_of_range", "The time must lie between the years 2000 and 2099.")
    return value


def _read_moment(value: Any, read_time: ValidatorFunctionWrapHandler) -> datetime.date:
    """Return a day where only a day is told, such as 2026-05-01: which instant it begins at is for others to say."""
    if isinstance(value, str) and _DAY.match(value):
        try:
            return _check_date(datetime.date.fromisoformat(value))
        except ValueError as exc:
            raise PydanticCustomError("date_parsing", "There is no such day.") from exc
    if type(value) is datetime.date:
        return _check_date(value)
    moment: datetime.datetime = read_time(value)
    return moment


def _require_date_text(value: Any) -> Any:
    if not isinstance(value, (str, datetime.date)):
        raise PydanticCustomError("date_type", "A date is needed, such as 2026-05-01.")
    return value


def _check_date(value: datetime.date) -> datetime.date:
    if not _EARLIEST.date() <= value < _LATEST.date():
        raise PydanticCustomError("date_out_of_range", "The date must lie between the years 2000 and 2099.")
    return value


def _check_effective_at(value: str) -> str:
    if value not in EFFECTIVE_WORDS:
        try:
            _check_date(datetime.date.fromisoformat(value) if _DAY.match(value) else datetime.date.min)
        except ValueError:
            raise PydanticCustomError(
                "effective_at_type", "It is now, period_end, or a date, such as 2026-05-01."
            ) from None
    return value


def require_number(value: Any) -> Any:
    """Return what can be a number; pydantic would take true for 1, and digits of other scripts than ours."""
    if isinstance(value, bool):
        raise PydanticCustomError("decimal_type", "A number is needed.")
    if isinstance(value, str) and is_out_of_range(value):
        raise PydanticCustomError(NUMBER_OUT_OF_RANGE, NUMBER_MESSAGE)
    if isinstance(value, str) and not has_plain_digits(value):
        raise PydanticCustomError("decimal_parsing", "A number has ASCII digits, such as 1200.50.")
    return value


Text = Annotated[
    str, Field(min_length=1, max_length=255), AfterValidator(_check_text), AfterValidator(_check_not_blank)
]
Quantity = Annotated[
    Decimal, BeforeValidator(require_number), Field(ge=0, max_digits=38, decimal_places=18, allow_inf_nan=False)
]
LineQuantity = Annotated[
    Decimal, BeforeValidator(require_number), Field(gt=0, max_digits=12, decimal_places=2, allow_inf_nan=False)
]
#: Dimensions of a counter: charges filter and group by them. Numbers and truth values become text; see property_text.
Properties = Annotated[
    dict[Annotated[Text, Field(max_length=64)], Annotated[Text, BeforeValidator(property_text)]],
    Field(max_length=20),
]
Time = Annotated[datetime.datetime, BeforeValidator(_require_time_text), AfterValidator(_to_utc)]
Day = Annotated[datetime.date, BeforeValidator(_require_date_text), AfterValidator(_check_date)]
#: A time, or a day, which begins at midnight in the subscription's time zone.
Moment = Annotated[
    Time,
    WrapValidator(_read_moment),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}),
]
EffectiveAt = Annotated[
    str,
    AfterValidator(_check_effective_at),  # not by the pattern below, whose fault would tell people a regular expression
    WithJsonSchema({"type": "string", "pattern": r"^(now|period_end|[0-9]{4}-[0-9]{2}-[0-9]{2})$"}),
]
RecordId = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]

Model = TypeVar("Model", bound="Payload")


class Payload(BaseModel):
    """Base of all payloads."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def parse(cls: type[Model], payload: Any) -> Model:
        """Return the payload as an object, or raise InvalidPayloadError that lists every fault."""
        if isinstance(payload, cls):
            return payload
        if not isinstance(payload, dict):
            raise InvalidPayloadError("The body must be a JSON object.")
        try:
            return cls.model_validate(payload, context={"bad_events": 0})
        except ValidationError as exc:
            raise _invalid_payload(exc) from exc

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> dict[str, Any]:
        """Return what stood in a path or query string, where a number can only be text, with numbers as numbers."""
        numbers = _whole_number_fields(cls)
        return {name: _read_number(text) if name in numbers else text for name, text in texts.items()}

    def canonical(self) -> dict[str, Any]:
        """Return what was asked for as plain JSON values: the same for the same request, however it was written."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, serialize_as_any=True)


def _read_number(text: str) -> int | str | OutOfRangeNumber:
    if is_out_of_range(text):
        return OUT_OF_RANGE
    return int(text) if _DIGITS.match(text) else text


@cache
def _whole_number_fields(model: type[Payload]) -> frozenset[str]:
    properties = model.model_json_schema().get("properties", {})
    return frozenset(
        name
        for name, schema in properties.items()
        if any(kind.get("type") == "integer" for kind in (schema, *schema.get("anyOf", ())))
    )


class Empty(Payload):
    """An operation without parameters."""


class UpsertCustomer(Payload):
    """A customer as the source app knows it. Without ``email`` it is unified with no other service's customer.

    Where a person confirms that first, the customer has a partner of its own until then.
    """

    external_id: Text
    name: Text | None = None
    email: Annotated[Text, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")] | None = None


class CreateCustomerToken(Payload):
    """A token with which a frontend reads this customer: its subscriptions, usage and invoices, and public prices.

    ``expires_in`` is in seconds. The token is told this once. Ask for a new one before it ends.
    """

    external_customer_id: Text
    expires_in: Annotated[int, Field(ge=60, le=3600)] = 900


class UsageEvent(Payload):
    """One counter: what was used of a metric between ``period_start`` and ``period_end`` (exclusive).

    Times without a zone are UTC; a day without a time begins at midnight in the subscription's time zone. The
    counter belongs to the billing period in which its last instant lies; an instant event has start = end. A
    repeated ``idempotency_key`` replaces the counter that it named before. ``properties`` are dimensions by
    which charges filter and group: texts, numbers or truth values, compared as text. A whole number is one value
    however it is written (5, "5", 5.0, "5.0" are "5"), a number with a fraction loses its last zeros (1.50 is "1.5");
    any other text stays as it is.
    """

    subscription_external_id: Text
    metric_code: Text
    quantity: Quantity
    period_start: Moment
    period_end: Moment
    idempotency_key: Text | None = None
    properties: Properties | None = None

    @model_validator(mode="after")
    def _check_order(self) -> UsageEvent:
        # A day and a time can be compared once the subscription's time zone is known.
        if type(self.period_end) is type(self.period_start) and self.period_end < self.period_start:
            raise PydanticCustomError(
                "end_before_start", "period_end lies before period_start.", {"field": "period_end"}
            )
        return self


class RejectedEvent(Payload):
    """What takes the place of a malformed counter where the rest of its batch is wanted all the same."""

    errors: tuple[FieldError, ...]


def _parse_event(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    if info.context and info.context["bad_events"] >= MAX_REPORTED_ERRORS:
        return RejectedEvent(errors=())  # the batch is refused anyway, and its faults take memory
    try:
        return handler(value)
    except ValidationError as exc:
        if info.data.get("error_policy") != "reject_failed_rows":
            if info.context:
                info.context["bad_events"] += 1
            raise
        return RejectedEvent(errors=tuple(map(_field_error, _faults(exc)[:_MAX_ERRORS_OF_EVENT])))


class RecordUsage(Payload):
    """A batch of counters.

    ``error_policy`` says what one bad counter does: ``reject_everything`` refuses the request, and
    nothing is recorded; ``reject_failed_rows`` records the others and tells what was wrong with it.
    """

    error_policy: Literal["reject_everything", "reject_failed_rows"] = "reject_everything"
    events: Annotated[list[Annotated[UsageEvent, WrapValidator(_parse_event)]], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _check_size(cls, value: Any) -> Any:
        # Before the events are looked at: a list of 100,000 must cost nothing.
        events = value.get("events") if isinstance(value, dict) else None
        if isinstance(events, list) and len(events) > MAX_EVENTS:
            raise PydanticCustomError(
                "batch_too_large", "A request may have {limit} events.", {"limit": MAX_EVENTS, "field": "events"}
            )
        return value


class VoidUsage(Payload):
    """The counter with this key was a mistake: it stays, with the reason, but counts no more."""

    idempotency_key: Text
    reason: Text


class AmendUsage(Payload):
    """The right quantity of the counter with this key, and why it was wrong."""

    idempotency_key: Text
    quantity: Quantity
    reason: Text


class SubscriptionLine(Payload):
    """A product billed with the subscription, beside what its plan brings; not one of another service's own plans."""

    product_id: RecordId
    quantity: LineQuantity = Decimal(1)


class TerminateSubscription(Payload):
    """The end of a subscription. ``end_date`` is the first day that it does not cover; today if left out.

    ``at`` names the day instead: ``now`` is today, ``period_end`` the end of the billing period that runs. ``reason``
    is kept with the end. One of the back office has to be given to the service first.
    """

    subscription_external_id: Text
    end_date: Day | None = None
    at: Literal["now", "period_end"] | None = None
    reason: Literal["customer_request", "not_paid", "replaced", "misuse", "other"] | None = None

    @model_validator(mode="after")
    def _check_one_day(self) -> TerminateSubscription:
        if self.at is not None and self.end_date is not None:
            raise PydanticCustomError("mutually_exclusive", "Give at or end_date, not both.", {"field": "at"})
        return self


class PreviewInvoice(Payload):
    """The invoice that a subscription would get: now, or at the end of the billing period that runs."""

    subscription_external_id: Text
    at: Literal["now", "period_end"] = "now"


class LineChange(Payload):
    """The new quantity of a recurring line, which getSubscription lists."""

    line_id: RecordId
    quantity: LineQuantity


class UpdateSubscription(Payload):
    """What is to change of a subscription; what is left out stays. Each field is applied, or the request refused.

    ``end_date`` is a planned end, after today; null takes it back. ``lines`` hold from ``effective_at`` on: ``now``,
    ``period_end`` (the end of the billing period that runs), or a day that is not invoiced yet; by the rule of the
    subscription's plan if it is left out. A period with a change inside is billed by the days of both parts.
    ``plan_code`` can only repeat the plan that the subscription has. A subscription of the back office has to be given
    to the service first.
    """

    subscription_external_id: Text
    external_id: Text | None = None
    end_date: Day | None = None
    lines: Annotated[list[LineChange], Field(min_length=1, max_length=100)] | None = None
    plan_code: Text | None = None
    effective_at: EffectiveAt | None = None

    @model_validator(mode="after")
    def _check_changes(self) -> UpdateSubscription:
        if self.model_fields_set <= {"subscription_external_id", "effective_at"}:
            raise PydanticCustomError("nothing_to_change", "Name at least one field to change.")
        for name in sorted(self.model_fields_set - {"end_date"}):
            if getattr(self, name) is None:
                raise PydanticCustomError("null_refused", "Only end_date can be taken back.", {"field": name})
        if self.effective_at is not None and self.lines is None:
            raise PydanticCustomError("lines_needed", "It is the first day of new lines.", {"field": "effective_at"})
        return self


class CreateSubscription(Payload):
    """A subscription of a customer: of a catalogue plan (``plan_code``), or of a recurrence with lines."""

    external_customer_id: Text
    external_id: Text | None = None
    plan_code: Text | None = None
    plan_id: RecordId | None = None
    start_date: Day | None = None
    lines: list[SubscriptionLine] = Field(default_factory=list, max_length=100)

    @model_validator(mode="after")
    def _check_plan(self) -> CreateSubscription:
        if self.plan_code is None and self.plan_id is None:
            raise PydanticCustomError("missing", "plan_code or plan_id is needed.", {"field": "plan_code"})
        return self


# pydantic's own names are stable, but these are the ones a client meets most.
_CODES = {"extra_forbidden": "unknown_field", "finite_number": "not_finite", "greater_than_equal": "too_small"}


def _faults(exc: ValidationError) -> list[Any]:
    return exc.errors(include_url=False)


def _invalid_payload(exc: ValidationError) -> InvalidPayloadError:
    faults = _faults(exc)
    errors = [_field_error(fault) for fault in faults[:MAX_REPORTED_ERRORS]]
    special = {"batch_too_large", "end_before_start", NUMBER_OUT_OF_RANGE}
    code = errors[0].code if errors[0].code in special else None
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    message = f"{errors[0].path}: {errors[0].message}{more}".removeprefix(": ")
    return InvalidPayloadError(message, code=code, errors=errors)


def _field_error(fault: Any) -> FieldError:
    location = list(fault["loc"])
    if "field" in fault.get("ctx", {}):
        location.append(fault["ctx"]["field"])
    if isinstance(fault["input"], OutOfRangeNumber):
        return FieldError(".".join(map(str, location)), NUMBER_OUT_OF_RANGE, NUMBER_MESSAGE)
    code = _CODES.get(fault["type"], fault["type"])
    if code == "too_small" and location[-1] == "quantity":
        code = "negative_quantity"
    return FieldError(".".join(map(str, location)), code, fault["msg"])
