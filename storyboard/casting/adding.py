"""`characters add` and `characters train`: pictures in, a registered character out, or nothing at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from storyboard.casting.character_file import AdapterRecord, CharacterRecord, first_mistake
from storyboard.casting.crops import contact_sheet, crop_to, preview
from storyboard.casting.looks import look_of
from storyboard.casting.pictures import Picture, Report, read_pictures
from storyboard.casting.registry import load_cast
from storyboard.casting.shelf import Draft, as_record, check_free, own_folder, staged, sweep
from storyboard.casting.tokens import TokenReport, check_new, check_token, inspect_token, suggest_token, written
from storyboard.casting.training.dataset import prepared
from storyboard.casting.training.loading import Trainee, load_trainee
from storyboard.casting.training.loop import Listener
from storyboard.casting.training.options import TrainingOptions
from storyboard.casting.training.presets import preset
from storyboard.casting.training.scoring import Probe
from storyboard.casting.training.session import Say, Session, Subject, Trained
from storyboard.character import sha256_of
from storyboard.errors import BadInput, CharacterError
from storyboard.files import publish_with
from storyboard.rendering.model_files import find_model
from storyboard.text import clean

CROPS = "crops.jpg"


@dataclass(frozen=True, kw_only=True)
class TrainingWish:
    """How to train; None and empty mean: the preset's. What cannot be is refused before a model is loaded.

    Attributes:
        model: as for drawing: "starter", "sd15", a folder, …
        method: "lora", "textual-inversion", "pivotal" or "dreambooth".
        overrides: option name -> value.
        keep: take the checkpoint of this step, whatever its score.
        licence: of the adapter.
        device: "cpu", "cuda", …
        probe: reads the model's pictures, to score checkpoints.

    Raises:
        BadInput, UnknownName: a value that no training takes.
    """

    model: str = "starter"
    method: str = "lora"
    overrides: Mapping[str, Any] = field(default_factory=dict)
    keep: int | None = None
    licence: str = ""
    device: str | None = None
    probe: Probe | None = None
    listen: Listener | None = None
    say: Say = field(default=lambda text: None)

    def __post_init__(self) -> None:
        TrainingOptions(**{"method": self.method, **given(self.overrides)})


@dataclass(frozen=True, kw_only=True)
class NewCharacter:
    """Who is to be added; an empty token asks for a suggestion."""

    name: str
    noun: str
    token: str = ""
    look: str = ""
    display_name: str = ""
    description: str = ""
    kind: str = "character"

    def checked(self) -> NewCharacter:
        """Raise BadInput or CharacterError for what cannot be; see `check_free` and `check_token`."""
        check_free(self.name, self.token, over_bundled=True)
        if self.token:
            check_token(self.token)
        if self.kind == "character" and not clean(self.noun):
            raise BadInput("A character needs a class noun.", hint="For example: --noun woman")
        self.record(self.token or self.name, self.look)
        return self

    def record(self, token: str, look: str) -> CharacterRecord:
        """The character's file, as yet without pictures and adapters.

        Raises:
            BadInput: a text is too long.
        """
        try:
            return CharacterRecord(
                name=self.name,
                token=token,
                noun=clean(self.noun),
                look=clean(look),
                display_name=clean(self.display_name),
                description=clean(self.description),
                kind="style" if self.kind == "style" else "character",
            )
        except ValidationError as error:
            raise BadInput(f"{first_mistake(error)}.", hint="Say it in fewer words.") from None


def add_character(new: NewCharacter, folder: Path, wish: TrainingWish) -> Path:
    """Prepare the pictures in `folder`, train, and register; the character's folder.

    Raises:
        CharacterError: the name or token is taken, or the pictures cannot be used.
        ModelError: the model cannot be loaded or trained.
        KeyboardInterrupt: nothing is registered, and the same command goes on with the training.
    """
    sweep()
    new.checked()
    if new.name in load_cast():
        wish.say(f"Your {new.name} takes the place of the one that comes with the program.")
    pictures = _told_pictures(folder, wish)
    trainee = load_trainee(wish.model, precision=str(wish.overrides.get("precision") or "auto"), device=wish.device)
    token = _token(new, trainee, wish).token
    look = clean(new.look) or _seen_look(new, pictures, wish)
    options = options_for(trainee, wish, len(pictures), look)
    trained = train_pictures(new.name, token, _noun(new), pictures, trainee, options, wish, look=look)
    with staged(new.name) as draft:
        references = write_references(draft, pictures)
        record = new.record(token, look).model_copy(update={"references": references})
        draft.write_record(with_adapters(draft, record, trained, wish))
    wish.say(trained.other_way(new.name))
    trained.clean_up()
    return own_folder(new.name)


def train_character(name: str, wish: TrainingWish) -> Path:
    """Train another adapter, or a better one, for a character that has reference pictures.

    Raises:
        CharacterError: it is not one of the user's, or has no pictures.
    """
    folder = own_folder(name)
    character = load_cast()[name]
    if not (folder / "references").is_dir():
        raise CharacterError(
            f"{name} has no pictures to learn from.", hint=f"Put 10 to 30 varied ones into {folder / 'references'}."
        )
    pictures = _told_pictures(folder / "references", wish)
    trainee = load_trainee(wish.model, precision=str(wish.overrides.get("precision") or "auto"), device=wish.device)
    noun = character.noun if character.kind == "character" else ""
    options = options_for(trainee, wish, len(pictures), character.look)
    trained = train_pictures(name, character.token, noun, pictures, trainee, options, wish, look=character.look)
    with staged(name, replace=True) as draft:
        draft.write_record(with_adapters(draft, as_record(character), trained, wish))
    wish.say(trained.other_way(name))
    trained.clean_up()
    return folder


def options_for(trainee: Trainee, wish: TrainingWish, count: int, look: str) -> TrainingOptions:
    """The preset's options for `count` pictures, with the wish's; new words start from the look where it is known."""
    return preset(
        trainee.model.family, wish.method, count, {"initial_word": clean(look) or None, **given(wish.overrides)}
    )


def given(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are not None."""
    return {name: value for name, value in overrides.items() if value is not None}


def tell(report: Report, say: Say) -> None:
    """The doubts about the pictures, one line each."""
    for line in (*report.refused, *report.warnings):
        say(line)


def _told_pictures(folder: Path, wish: TrainingWish) -> tuple[Picture, ...]:
    """The pictures, their doubts told; read before the model is loaded, which takes longer."""
    pictures, report = read_pictures(folder, find_model(wish.model).width)
    tell(report, wish.say)
    return pictures


def _seen_look(new: NewCharacter, pictures: Sequence[Picture], wish: TrainingWish) -> str:
    """What the probe reads as the same in all pictures of somebody; "" where there is no probe."""
    if wish.probe is None or new.kind != "character":
        return ""
    look = look_of([picture.image for picture in pictures], wish.probe)
    if look:
        wish.say(f"Look, as read from the pictures: {look} (--look says it better)")
    return look


def _noun(new: NewCharacter) -> str:
    return clean(new.noun) if new.kind == "character" else ""


def _token(new: NewCharacter, trainee: Trainee, wish: TrainingWish) -> TokenReport:
    """The token asked for or suggested, and what the model's tokenizer makes of it."""
    tokenizer = trainee.model.tokenizers[0]
    taken = {character.token for character in load_cast().values()}
    if new.token:
        token = new.token
    elif new.kind == "style":
        token = f"<style-{new.name.replace('_', '-')}>"
    else:
        token = suggest_token(new.name, tokenizer, taken)
    check_free(new.name, token, over_bundled=True)
    report = inspect_token(token, tokenizer)
    if wish.method in ("textual-inversion", "pivotal"):
        check_new(token, tokenizer)
        wish.say(
            f"Token: {token}, a new word with vectors of its own (this model would read it as {written(report.pieces)})"
        )
        return report
    wish.say(f"Token: {token}, which this model reads as {written(report.pieces)}")
    for warning in report.warnings:
        wish.say(warning)
    return report


def train_pictures(
    name: str,
    token: str,
    noun: str,
    pictures: Sequence[Picture],
    trainee: Trainee,
    options: TrainingOptions,
    wish: TrainingWish,
    *,
    look: str = "",
) -> Trained:
    """Cut the pictures to size, put them on a sheet to look at, and run a session on them."""
    size = options.resolution or trainee.model.native_size
    images = [prepared(picture, size, options.buckets) for picture in pictures]
    captions = [picture.caption for picture in pictures]
    subject = Subject(name=name, token=token, noun=noun, images=images, captions=captions, look=look)
    session = Session(
        subject=subject,
        trainee=trainee,
        options=options,
        probe=wish.probe,
        keep=wish.keep,
        licence=wish.licence,
        listen=wish.listen,
        say=wish.say,
    )
    sheet = contact_sheet([preview(image) for image in images], [picture.path.name for picture in pictures])
    publish_with(session.work / CROPS, lambda temporary: sheet.save(temporary, quality=88))
    what = f"{options.method} on {len(images)} pictures ({session.work / CROPS}) for {options.steps} steps"
    wish.say(f"The training of {what} is done; choosing." if session.has_finished else f"Training {what}.")
    return session.run()


def write_references(draft: Draft, pictures: Sequence[Picture]) -> list[str]:
    """The pictures without metadata, with their captions; and a contact sheet to look at.

    They are the very pixels that were learned from, in the same order, so `characters train` learns the same.
    """
    folder = draft.folder / "references"
    folder.mkdir(exist_ok=True)
    digits = max(2, len(str(len(pictures) - 1)))
    names = []
    for number, picture in enumerate(pictures):
        path = folder / f"{number:0{digits}}.png"
        picture.image.save(path)
        if picture.caption:
            path.with_suffix(".txt").write_text(picture.caption + "\n", "utf-8")
        names.append(f"references/{path.name}")
    crops = [crop_to(picture.image, 128, 128) for picture in pictures]
    sheet = contact_sheet(crops, [picture.path.name for picture in pictures])
    sheet.save(draft.folder / "contact-sheet.jpg", quality=88)
    return names


def with_adapters(draft: Draft, record: CharacterRecord, trained: Trained, wish: TrainingWish) -> CharacterRecord:
    """Copy what was trained into the draft; its adapters take the place of all of that family.

    They were scored alone: a LoRA around new words that it was not trained with would draw something else.
    """
    family = trained.record["family"]
    rows: dict[str, AdapterRecord] = {}
    for kind, path in trained.files.items():
        shutil.copyfile(path, draft.folder / path.name)
        rows[kind] = AdapterRecord.model_validate(
            {
                "file": path.name,
                "sha256": sha256_of(path),
                "kind": kind,
                "base_model": clean(trained.record["model"])[:200],
                "licence": clean(wish.licence)[:200],
                "faint": [] if rows else trained.record["faint"],
            }
        )
    folder = draft.folder / "training" / f"{family}-{wish.method}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "record.json").write_text(json.dumps(trained.record, indent=1) + "\n", "utf-8")
    trained.curve.save(folder / "loss.png")
    if trained.sheet is not None:
        trained.sheet.save(folder / "checkpoints.jpg", quality=88)
    shutil.copyfile(trained.work / CROPS, folder / CROPS)
    return record.with_adapters(family, list(rows.values()))
