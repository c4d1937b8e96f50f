"""Character: somebody (or a style) that prompts can name and adapters can draw."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from storyboard.errors import CharacterError, ChecksumMismatch
from storyboard.text import check_name

CONFIGURATION = "adapter_config.json"
"""What PEFT writes beside a LoRA file; it may set the file's alpha."""
TOKEN = re.compile(r"[a-z0-9]{2,32}|<[a-z0-9][a-z0-9-]{0,62}>")


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """A trained file for one model family.

    Attributes:
        family: "starter", "sd1" or "sdxl": the shape of model it was trained on.
        kind: "lora", "textual-inversion" or "checkpoint".
        path: the .safetensors file.
        sha256: hex digest of the file; checked before it is loaded. See `with_configuration`.
        scale: 1.0 = as trained.
        base_model: what it was trained on, for people to read.
        faint: parts of the look that it does not draw surely, so prompts say them beside the token.
        licence: SPDX id or name.
    """

    family: str
    kind: str
    path: Path
    sha256: str
    scale: float = 1.0
    base_model: str = ""
    licence: str = ""
    faint: tuple[str, ...] = ()

    def check_file(self) -> None:
        """The file is there and is the one that was registered.

        Raises:
            CharacterError: it cannot be read.
            ChecksumMismatch: its content is another.
        """
        if not self.sha256:
            raise CharacterError(f"{self.path} has no checksum.", hint=ChecksumMismatch.hint)
        found = with_configuration(sha256_of(self.path), self.path, self.kind)
        if found != self.sha256:
            raise ChecksumMismatch(f"{self.path} is not the file that was registered (sha256 {found[:12]}…).")


def sha256_of(path: Path) -> str:
    """Hex digest of a file's bytes.

    Raises:
        CharacterError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CharacterError(f"{path} cannot be read: {error.strerror or error}.") from None


def with_configuration(sha256: str, path: Path, kind: str) -> str:
    """The digest of an adapter: its file's, or, with PEFT's configuration beside a LoRA, one of both, since it draws
    otherwise with another.

    Raises:
        CharacterError: the configuration cannot be read.
    """
    beside = path.with_name(CONFIGURATION)
    if kind != "lora" or not beside.is_file():
        return sha256
    return hashlib.sha256(f"{sha256}{sha256_of(beside)}".encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Character:
    """Who or what a prompt's token stands for.

    Attributes:
        name: folder name and what captions call them, lower case ("flynn", "flynn@winter" for an outfit).
        display_name: as written in captions ("Flynn").
        token: what the prompt says ("fljsdhn", or "<style-spdmn>" for added tokens).
        noun: class noun ("man"); prompts say "token noun".
        look: words that describe them; used when no adapter fits the model.
        kind: "character" or "style".
        trigger_words: further words the adapters were trained with.
        adapters: trained files, any number per family.
        references: pictures for people, scores and picture guidance.
        description: free text for the director.
    """

    name: str
    token: str
    noun: str
    look: str
    display_name: str = ""
    kind: str = "character"
    trigger_words: tuple[str, ...] = ()
    adapters: tuple[Adapter, ...] = ()
    references: tuple[Path, ...] = ()
    description: str = ""
    folder: Path | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for part in self.name.split("@"):
            check_name(part, self.kind)
        if not TOKEN.fullmatch(self.token):
            raise CharacterError(f"{self.name}: {self.token[:80]!r} cannot be a token.", hint="For example: fljsdhn")
        if not self.display_name:
            object.__setattr__(self, "display_name", self.name.split("@")[0].replace("-", " ").title())

    @property
    def phrase(self) -> str:
        """How prompts name the character: "fljsdhn man"; a style is its token alone."""
        return f"{self.token} {self.noun}" if self.noun and self.kind == "character" else self.token

    def adapters_for(self, family: str) -> tuple[Adapter, ...]:
        """The adapters that fit a model family; may be empty."""
        return tuple(adapter for adapter in self.adapters if adapter.family == family)
