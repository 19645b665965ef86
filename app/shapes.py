"""The shapes of the records taken apart, so that tables follow the schemas and forget no field."""

from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class FieldShape:
    """A field as it stands in the JSON."""

    name: str
    core: type[Any]
    """`str`, `int`, `float`, `date`, `datetime`, `dict`, or a model."""
    nullable: bool
    many: bool
    """Whether it is a list of the core."""

    @property
    def model(self) -> type[BaseModel] | None:
        """The core, where it has fields of its own."""
        return self.core if issubclass(self.core, BaseModel) else None


@cache
def fields(model: type[BaseModel]) -> tuple[FieldShape, ...]:
    """The fields of a model, by their names in the JSON."""
    model.model_rebuild()  # names of models that came later are resolved on the first use, which this may be
    return tuple(FieldShape(info.alias or name, *_core(info.annotation)) for name, info in model.model_fields.items())


def _core(annotation: Any) -> tuple[type[Any], bool, bool]:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _core(inner[0])
    if origin in {Union, UnionType}:
        given = [one for one in inner if one is not NoneType]
        if len(given) != 1:
            raise TypeError(f"{annotation} is of several types")
        core, _, many = _core(given[0])
        return core, True, many
    if origin is list:
        return _core(inner[0])[0], False, True
    if origin is Literal:
        return type(inner[0]), False, False
    if origin is dict:
        return dict, False, False
    if not isinstance(annotation, type):
        raise TypeError(f"{annotation} is no shape that tables know")
    return annotation, False, False
