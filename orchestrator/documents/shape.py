"""What a document's model allows at a place: which keys, and what kind of value."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from orchestrator.documents.source import Keys
from orchestrator.model.document import Document


def keys_of(model: type[Document]) -> dict[str, Any]:
    """The keys a document takes, with the type of each value."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def documents_in(annotation: Any) -> list[type[Document]]:
    """The documents that a value of this type may be, looking through unions, lists and mappings' values."""
    if isinstance(annotation, type) and issubclass(annotation, Document):
        return [annotation]
    origin = get_origin(annotation)
    if origin is Annotated:
        return documents_in(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [found for part in get_args(annotation) for found in documents_in(part)]
    if origin is tuple:
        return documents_in(get_args(annotation)[0])
    if _is_mapping(origin):
        return documents_in(get_args(annotation)[1])
    return []


def model_at(model: type[Document], path: Keys) -> type[Document] | None:
    """The document that stands at ``path`` below ``model``; None where it is a plain value."""
    annotation: Any = model
    for part in path:
        if isinstance(part, int):
            continue
        found = documents_in(annotation)
        if _inside_mapping(annotation):
            # The key is the mapping's own; what follows is inside its value.
            annotation = _value_type(annotation)
            continue
        annotation = next((keys_of(one)[part] for one in found if part in keys_of(one)), None)
        if annotation is None:
            return None
    if _inside_mapping(annotation):
        return None
    documents = documents_in(annotation)
    return documents[0] if documents else None


def _is_mapping(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _strip(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _inside_mapping(annotation: Any) -> bool:
    return _is_mapping(typing.get_origin(_strip(annotation)))


def _value_type(annotation: Any) -> Any:
    return get_args(_strip(annotation))[1]
