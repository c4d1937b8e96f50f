from pathlib import Path

import pytest

from storyboard.casting.trying import scene_of, try_out, with_phrase
from storyboard.character import Character
from storyboard.errors import BadInput

ADA = Character(name="ada", token="ada1", noun="woman", look="hat", display_name="Ada L.")


def test_names_are_whole_words_and_become_the_phrase_once() -> None:
    assert with_phrase("Ada in Canada, ada's hat", ADA) == "ada1 woman in Canada, ada1 woman's hat"
    winter = Character(name="ada@winter", token="ada1", noun="woman", look="coat")
    assert with_phrase("ada@winter skates", winter) == "ada1 woman skates"


def test_a_style_is_tried_on_somebody() -> None:
    style = Character(name="ink", token="<style-ink>", noun="style", look="ink", kind="style")
    assert scene_of("{} in the park", style) == "a person in the park, <style-ink>"
    assert scene_of("{} in the park", ADA) == "ada1 woman in the park"


@pytest.mark.parametrize("name", ["sheet", "sheet.xyz"])
def test_what_is_no_picture_is_refused_before_drawing(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="no name of a picture"):
        try_out("flynn", (), tmp_path / name)
