"""`character.toml`: its fields, checked, and its text. Imports neither torch nor Pillow."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from storyboard.errors import CharacterError

FILE_NAME = "character.toml"
LARGEST_BYTES = 64 * 1024

Family = Literal["starter", "sd1", "sdxl"]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Words = Annotated[str, StringConstraints(max_length=400)]
Line = Annotated[str, StringConstraints(max_length=200)]


class Record(BaseModel):
    """A table of the file: no field that we do not know, no value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AdapterRecord(Record):
    """One `[[adapters.<family>]]` table; `file` is relative to the character's folder."""

    file: Line
    sha256: Sha256
    kind: Literal["lora", "textual-inversion", "checkpoint"] = "lora"
    scale: float = Field(default=1.0, ge=-4.0, le=4.0)
    base_model: Line = ""
    licence: Line = ""
    faint: list[Line] = Field(default_factory=list, max_length=32)


class VariantRecord(Record):
    """One `[variants.<name>]` table: what differs from the character; the rest is inherited."""

    look: Words | None = None
    display_name: Line | None = None
    description: Annotated[str, StringConstraints(max_length=2000)] | None = None
    token: Line | None = None
    trigger_words: list[Line] | None = None
    references: list[Line] | None = None
    adapters: dict[Family, list[AdapterRecord]] | None = None


class CharacterRecord(Record):
    """The whole file."""

    name: Line
    token: Line
    noun: Line
    look: Words = ""
    display_name: Line = ""
    kind: Literal["character", "style"] = "character"
    trigger_words: list[Line] = Field(default_factory=list, max_length=32)
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    references: list[Line] = Field(default_factory=list, max_length=500)
    adapters: dict[Family, list[AdapterRecord]] = Field(default_factory=dict)
    variants: dict[str, VariantRecord] = Field(default_factory=dict)

    def adapters_of(self, family: str) -> list[AdapterRecord]:
        """The tables of one model family."""
        return [row for name, rows in self.adapters.items() if name == family for row in rows]

    def adapter_files(self) -> set[str]:
        """Every adapter file that the character or an outfit names."""
        tables = [self.adapters, *(variant.adapters or {} for variant in self.variants.values())]
        return {row.file for table in tables for rows in table.values() for row in rows}

    def with_adapters(self, family: str, rows: Sequence[AdapterRecord]) -> CharacterRecord:
        """The record with these tables for a family in place of those it had."""
        data = self.model_dump()
        data["adapters"][family] = [row.model_dump() for row in rows]
        return CharacterRecord.model_validate(data)


def read_record(path: Path) -> CharacterRecord:
    """The checked content of a character.toml.

    Raises:
        CharacterError: it cannot be read, is too large, is no TOML, or a field is missing, unknown or of the wrong
            type.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise CharacterError(f"{path} is larger than {LARGEST_BYTES // 1024} KB.", hint="Shorten it.")
        data = tomllib.loads(path.read_text("utf-8"))
        return CharacterRecord.model_validate(data)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise CharacterError(f"{path} cannot be read: {reason}.") from None
    except ValidationError as error:
        raise CharacterError(f"{path}: {first_mistake(error)}.", hint=f"Correct {path}.") from None
    except (ValueError, RecursionError) as error:  # TOML's own, and numbers or nesting without end
        raise CharacterError(f"{path} is not TOML: {str(error)[:200]}.", hint=f"Correct {path}.") from None


def first_mistake(error: ValidationError) -> str:
    """The first field that is wrong, and why: "look: String should have at most 400 characters"."""
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def to_toml(record: CharacterRecord) -> str:
    """The file's text; `read_record` reads the same record back."""
    return _table(record.model_dump(exclude_defaults=True), ())


def _table(values: Mapping[str, Any], path: tuple[str, ...]) -> str:
    """Plain values first, then the tables below, as TOML wants it."""
    lines = [f"{_key(name)} = {_value(value)}" for name, value in values.items() if not _is_table(value)]
    text = "\n".join(lines) + "\n" if lines else ""
    for name, value in values.items():
        header = ".".join(_key(part) for part in (*path, name))
        if isinstance(value, Mapping):
            body = _table(value, (*path, name))
            has_values = any(not _is_table(inner) for inner in value.values())
            text += f"\n[{header}]\n{body}" if has_values else body
        elif _is_table(value):
            text += "".join(f"\n[[{header}]]\n{_table(row, (*path, name))}" for row in value)
    return text


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and bool(value) and isinstance(value[0], Mapping))


def _key(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() and name.isascii() else _value(name)


def _value(value: str | float | list[str]) -> str:
    """JSON's strings, numbers and lists of them are TOML's; DEL, which TOML wants escaped, is."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
