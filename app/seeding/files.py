"""YAML as a curator writes it, or JSON Lines as a program does: every scalar is the text that stands there, and its line is known.

Only the plain part of YAML is allowed. Aliases, anchors, tags, repeated keys and keys without
a value are mistakes here, so an alias bomb is refused before anything is expanded.
"""

import json
from codecs import BOM_UTF8
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from app import vocabulary

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 12

LINES = ".jsonl"
"""How the name of a file ends that has an entry a line, as JSON."""


@dataclass(frozen=True, order=True, slots=True)
class Mistake:
    """Something wrong in the curated files, printed as `file:line: record: what is wrong, what to do`."""

    file: str
    line: int
    record: str
    message: str

    def __str__(self) -> str:
        # One line whatever an id or a value holds: control characters are written as escapes.
        line = f"{self.file}:{self.line}: {self.record}: {self.message}"
        return "".join(character if character.isprintable() else character.encode("unicode_escape").decode() for character in line)


class SeedError(Exception):
    """The curated files have mistakes, all of which are told; nothing was changed."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__(f"{len(mistakes)} mistakes")
        self.mistakes = mistakes


@dataclass(slots=True)
class Entry:
    """One item of a file: its data as text, and the line of each part by its path in the data."""

    file: str
    data: Any
    lines: dict[tuple[str | int, ...], int] = field(default_factory=dict)
    stand_in: str = "(no id)"
    content: bytes | None = None
    """The line that holds it, of a file of JSON Lines."""

    @property
    def name(self) -> str:
        """The entry's id, or a stand-in where it has none."""
        named = self.data.get("id") if isinstance(self.data, dict) else None
        return named if isinstance(named, str) and named else self.stand_in

    def line(self, *path: str | int) -> int:
        """The line of a part, or of the nearest part around it."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]

    def mistake(self, message: str, *path: str | int) -> Mistake:
        """A mistake at a part of this entry."""
        return Mistake(self.file, self.line(*path), self.name, message)


class _Refused(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line, self.message = line, message


def read(path: Path, shown: str) -> tuple[list[Entry], list[Mistake]]:
    """The entries of a file that holds a list; or what is wrong with the file as YAML or JSON Lines."""
    if path.suffix == LINES:
        return _read_lines(path, shown)
    node, mistakes = _compose(path, shown)
    if node is None:
        return [], mistakes
    if not isinstance(node, yaml.SequenceNode):
        return [], [Mistake(shown, node.start_mark.line + 1, "(file)", "must be a list of entries, each beginning with '- id:'")]
    return _entries(node.value, shown)


def _read_lines(path: Path, shown: str) -> tuple[list[Entry], list[Mistake]]:
    entries, mistakes = [], []
    try:
        with path.open("rb") as file:
            for number, content in enumerate(file, 1):
                entry, mistake = line(content, shown, number)
                if entry is not None:
                    entry.content = None  # all of them are held, and nobody asks for it
                    entries.append(entry)
                if mistake is not None:
                    mistakes.append(mistake)
    except OSError as error:
        mistakes.append(Mistake(shown, 1, "(file)", f"cannot be read: {error.strerror}"))
    return entries, mistakes


def line(content: bytes, shown: str, number: int) -> tuple[Entry | None, Mistake | None]:
    """The entry of a line of JSON Lines, or what is wrong with the line; neither where it is blank."""
    try:
        data = from_json(content)
        # As many keys as stand there, and nothing but text: what holds for nearly every line needs no closer look.
        if _keys(data) != content.count(b'":'):
            data = _strictly(content)
    except ValueError:
        if not content.strip():
            return None, None
        try:
            data = _strictly(content)
        except UnicodeDecodeError as error:
            return None, Mistake(shown, number, "(no id)", f"is not UTF-8 (byte {error.start} of the line); save the file as UTF-8")
        except json.JSONDecodeError as error:
            marked = "begins with a byte order mark; save the file as UTF-8 without one"
            told = marked if content.startswith(BOM_UTF8) else f"is not JSON: {error.msg} (character {error.pos + 1} of the line)"
            return None, Mistake(shown, number, "(no id)", told)
        except RecursionError:
            return None, Mistake(shown, number, "(no id)", f"nests deeper than {_DEEPEST} levels; no entry needs that")
        except ValueError as error:
            return None, Mistake(shown, number, "(no id)", str(error))
    return Entry(shown, data, {(): number}, content=content), None


def _keys(part: Any, depth: int = 1) -> int:
    """How many keys there are in an entry in which all other parts are text; ValueError where one is none."""
    if depth > _DEEPEST:
        raise ValueError("nests too deep")
    if type(part) not in {dict, list}:
        raise ValueError("is no text")
    count = len(part) if type(part) is dict else 0
    for inner in part.values() if type(part) is dict else part:
        if type(inner) is not str:
            count += _keys(inner, depth + 1)
    return count


def _strictly(content: bytes) -> Any:
    """The entry of a line with numbers as the text that stands there; ValueError where YAML would be refused as well."""

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in pairs:
            if value is None:
                raise ValueError(f"{key} has no value; leave the key out")
            if key in data:
                raise ValueError(f"has the key {key!r} twice; keep one")
            data[key] = value
        return data

    def refuse(word: str) -> Any:
        raise ValueError(f"holds {word}, which is no number")

    data = json.loads(content.decode("utf-8"), object_pairs_hook=mapping, parse_int=str, parse_float=str, parse_constant=refuse)
    if _depth(data) > _DEEPEST:
        raise ValueError(f"nests deeper than {_DEEPEST} levels; no entry needs that")
    return data


def _depth(part: Any) -> int:
    if not isinstance(part, dict | list):
        return 0
    return 1 + max(map(_depth, part.values() if isinstance(part, dict) else part), default=0)


def read_mapping(path: Path, shown: str) -> tuple[Entry | None, list[Mistake]]:
    """The one entry of a file that holds a mapping."""
    node, mistakes = _compose(path, shown)
    if node is None:
        return None, mistakes
    entries, mistakes = _entries([node], shown)
    for entry in entries:
        entry.stand_in = "(file)"
    return (entries[0] if entries else None), mistakes


def _entries(nodes: list[yaml.Node], shown: str) -> tuple[list[Entry], list[Mistake]]:
    entries, mistakes = [], []
    for item in nodes:
        entry = Entry(shown, None)
        entry.lines[()] = item.start_mark.line + 1
        try:
            entry.data = _plain(item, entry, ())
        except _Refused as refused:
            mistakes.append(Mistake(shown, refused.line, _id_of(item), refused.message))
        else:
            entries.append(entry)
    return entries, mistakes


def _compose(path: Path, shown: str) -> tuple[yaml.Node | None, list[Mistake]]:
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
        _refuse_features(text)
        node = yaml.compose(text, _LOADER)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return None, [Mistake(shown, line, "(file)", f"is not UTF-8 (byte {error.start}); save it as UTF-8")]
    except OSError as error:
        return None, [Mistake(shown, 1, "(file)", f"cannot be read: {error.strerror}")]
    except _Refused as refused:
        return None, [Mistake(shown, refused.line, "(file)", refused.message)]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        return None, [Mistake(shown, mark.line + 1 if mark else 1, "(file)", f"is not YAML: {problem}")]
    if node is None:
        return None, [Mistake(shown, 1, "(file)", "is empty; write [] for no entries")]
    return node, []


def _refuse_features(text: str) -> None:
    depth = documents = 0
    for event in yaml.parse(text, _LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 1
        match event:
            case yaml.AliasEvent():
                raise _Refused(line, "uses a YAML alias (*name); write the value out")
            case yaml.DocumentStartEvent():
                documents += 1
                if documents > 1:
                    raise _Refused(line, "holds a second YAML document; remove the line '---'")
            case yaml.NodeEvent() if event.anchor is not None:
                raise _Refused(line, "uses a YAML anchor (&name); write the value out where it is needed")
            case yaml.ScalarEvent() | yaml.CollectionStartEvent() if event.tag is not None:
                raise _Refused(line, f"uses a YAML tag ({event.tag}); write plain text")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise _Refused(line, f"nests deeper than {_DEEPEST} levels; no entry needs that")


def _plain(node: yaml.Node, entry: Entry, path: tuple[str | int, ...]) -> Any:
    entry.lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, entry, (*path, index)) for index, item in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode):
        if not node.style and node.value in {"", "~", "null"}:
            raise _Refused(node.start_mark.line + 1, f"{path[-1] if path else 'entry'} has no value; leave the key out")
        return node.value
    data: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise _Refused(line, "has a key that is no plain word")
        if key_node.value in data:
            raise _Refused(line, f"has the key {key_node.value!r} twice; keep one")
        data[key_node.value] = _plain(value_node, entry, (*path, key_node.value))
        entry.lines[(*path, key_node.value)] = line
    return data


def _id_of(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == "id" and isinstance(value, yaml.ScalarNode):
                return str(value.value)
    return "(no id)"


def form_mistakes(form: type[BaseModel], entry: Entry, error: ValidationError) -> list[Mistake]:
    """What is wrong with the form of an entry."""
    mistakes = []
    for found in error.errors():
        path = found["loc"]
        where = ".".join(str(part + 1 if isinstance(part, int) else part) for part in path)
        message = found["msg"].removeprefix("Value error, ")
        if found["type"] == "extra_forbidden":
            close = vocabulary.closest(str(path[-1]), _names(form)) if len(path) == 1 else None
            text = f"{where}: unknown key; " + (f"did you mean {close!r}?" if close else "remove it or correct its name")
        elif found["type"] == "missing":
            text = f"{where}: is missing; add it"
        else:
            text = f"{where}: {message}"
        mistakes.append(entry.mistake(text, *path))
    return mistakes


def _names(form: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in form.model_fields.items()]
