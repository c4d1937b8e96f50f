"""Which planner is chosen; the looks; the templates; plans from files."""

from __future__ import annotations

import json
from pathlib import Path

import jinja2
import pytest
from click.testing import CliRunner

from storyboard.casting.registry import load_cast
from storyboard.commands.styles import styles as styles_command
from storyboard.errors import BadInput, BadPlan, StoryboardError, UnknownName
from storyboard.paths import prompts_folder
from storyboard.planning.choose import default_planner
from storyboard.planning.offline import OfflinePlanner
from storyboard.planning.questions import beats_question, problems_question, story_question
from storyboard.planning.scripted import ScriptedPlanner
from storyboard.planning.styles import styles
from storyboard.planning.templates import render, templates_sha256
from storyboard.rendering.anchors import style_words
from storyboard.scene_plan import plan_to_json
from storyboard.story import Story

from .servers import CAST

STORY = Story(logline="Flynn relaxing on a sunny day", scene_count=3)


def test_a_key_or_an_address_means_the_language_model(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_planner()[0] == "offline"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    assert default_planner()[0] == "openai"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-canary")
    name, note = default_planner()
    assert name == "openai" and "\n" not in note and "canary" not in note


def test_there_are_at_least_twelve_looks() -> None:
    assert len(styles()) >= 12
    for name, style in styles().items():
        assert style.name == name and style.title and style.description.endswith(".") and style.positive


def test_styles_list_and_show() -> None:
    runner = CliRunner()
    listed = json.loads(runner.invoke(styles_command, ["list", "--json"]).stdout)
    assert [style["name"] for style in listed] == [*styles(), "inkline"]
    assert "<style-inkline>" in runner.invoke(styles_command, ["show", "inkline"]).stdout
    assert "noir" in runner.invoke(styles_command, ["list"]).stdout
    assert "monochrome" in runner.invoke(styles_command, ["show", "noir"]).stdout
    assert json.loads(runner.invoke(styles_command, ["show", "noir", "--json"]).stdout)["name"] == "noir"
    assert isinstance(runner.invoke(styles_command, ["show", "nope"]).exception, StoryboardError)


def test_a_trained_style_is_a_style() -> None:
    cast = load_cast()
    for story in (Story(logline="Flynn reads", scene_count=2, style="inkline"), Story(logline="Inkline, Flynn reads")):
        plan = OfflinePlanner().plan(story, cast, lambda name, text: None)
        assert all(scene.prompt.count("<style-inkline>") == 1 for scene in plan.scenes)
    both = Story(logline="Inkline, Flynn reads", style="inkline")
    assert OfflinePlanner().plan(both, cast, lambda name, text: None).scenes[0].prompt.count("<style-inkline>") == 1
    assert style_words("inkline", cast) == "<style-inkline>"
    with pytest.raises(UnknownName, match="style"):
        OfflinePlanner().plan(Story(logline="Flynn reads", style="flynn"), cast, lambda name, text: None)


def test_templates_forbid_undefined_variables() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("user")
    for path in prompts_folder().glob("*.md.j2"):
        assert f"`{path.name}`" in (prompts_folder() / "README.md").read_text("utf-8")


def test_the_digest_is_of_all_templates() -> None:
    assert len(templates_sha256()) == 64 and templates_sha256() == templates_sha256()


def test_what_is_said_holds_schema_example_cast_and_lists() -> None:
    question = story_question(STORY, CAST)
    for words in ("fljsdhn man", "mrvlqa woman", '"minItems": 3', "over-the-shoulder", "lighthouse", "(words:1.2)"):
        assert words in question.system
    assert "fljsdhn" not in question.user
    assert '"beats"' in beats_question(STORY, CAST).system
    assert "Weight what" not in problems_question(STORY, CAST, "[]").system


def test_the_schema_is_flat_and_strict() -> None:
    def objects(node: object) -> list[dict[str, object]]:
        children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        found = [node] if isinstance(node, dict) and node.get("type") == "object" else []
        return found + [each for child in children for each in objects(child)]

    schema = story_question(STORY, CAST).schema
    assert "$ref" not in json.dumps(schema) and "anyOf" not in json.dumps(schema)
    for each in objects(schema):
        assert each["additionalProperties"] is False and set(each["required"]) == set(each["properties"])


def test_a_scripted_plan_is_read_back(tmp_path: Path) -> None:
    made = OfflinePlanner().plan(STORY, CAST, lambda name, text: None)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan_to_json(made)), "utf-8")
    for source in (path, str(path), path.read_text("utf-8")):
        read = ScriptedPlanner(source).plan(STORY, CAST, lambda name, text: None)
        assert read.scenes == made.scenes and read.planner == "scripted"


def test_scripted_plans_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xff\xfe\x00{")
    for source in (None, tmp_path, tmp_path / "absent", tmp_path / "latin", "a\0b"):
        with pytest.raises(BadInput):
            ScriptedPlanner(source).plan(STORY, CAST, lambda name, text: None)
    with pytest.raises(BadPlan):
        ScriptedPlanner("{}").plan(STORY, CAST, lambda name, text: None)
