# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import graphene


class Dimension(graphene.ObjectType):
    """A property of counters, by which charges filter and group."""

    name = graphene.String(required=True, description="The name of the property.")
    value = graphene.String(description="Its value; null for the counters that lack it.")


def dimensions(description, resolver):
    """Return a field of properties.

    :param resolver: takes what the type shows and returns ``{name: value}``
    """
    return graphene.List(
        graphene.NonNull(Dimension),
        required=True,
        description=description,
        resolver=lambda item, _info: [{"name": name, "value": value} for name, value in sorted(resolver(item).items())],
    )
