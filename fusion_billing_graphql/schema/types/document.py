# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import graphene

from .. import answered


class Document(graphene.ObjectType):
    """A file."""

    filename = answered.text("filename", "How to name it.")
    content_type = answered.text("content_type", "Its media type.")
    content_base64 = answered.text("content_base64", "Its bytes in Base64.")
