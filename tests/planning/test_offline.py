"""The offline planner: deterministic, different for different lines, and true to what the line says."""

from __future__ import annotations

import itertools
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storyboard.character import Character
from storyboard.errors import BadInput, UnknownName
from storyboard.planning.arc import parts
from storyboard.planning.grammar import STAGES, grammar
from storyboard.planning.line import read_line
from storyboard.planning.mentions import mentions
from storyboard.planning.offline import OfflinePlanner, language_note
from storyboard.prompting.attention import parse_attention
from storyboard.scene_plan import ScenePlan, plan_from_json, plan_to_json
from storyboard.story import MOST_SCENES, Story, usual_scene_count

from .servers import CAST

LINES = """
Flynn relaxing on a sunny day
A knight fights a dragon at the castle
Two dogs steal a sandwich
Mira paints the harbour at sunset
An astronaut loses her way on the moon
Grandma bakes a birthday cake
The detective searches for a missing violin in the museum
Flynn and Mira race through the city at night
A lonely robot learns to dance
A boy flies a kite on the beach
The farmer waits for rain
A witch brews a potion in a cave
Flynn catches the biggest fish of his life
A programmer debugs code until midnight
Pirates look for treasure
A cat sleeps all day in the library
Saying goodbye at the train station
A cowboy rides through the desert
Children build a snowman in winter
Mira stargazing on a rooftop with a telescope
""".strip().splitlines()
WORD = re.compile(r"[a-z]+(?:['-][a-z]+)*")
STOP = frozenset(
    "a an the of in on at by with and or to from into his her their its is are it as while then who".split()
)


def plan(line: str, count: int = 5, cast: dict[str, Character] | None = None, **asked: object) -> ScenePlan:
    story = Story(logline=line, scene_count=count, **asked)
    return OfflinePlanner().plan(story, CAST if cast is None else cast, lambda name, text: None)


def prompts(made: ScenePlan) -> str:
    return " ".join(scene.prompt for scene in made.scenes)


def test_twenty_lines_give_twenty_boards() -> None:
    boards = [plan(line) for line in LINES]
    words = [
        set(WORD.findall(" ".join(f"{scene.prompt} {scene.caption}" for scene in board.scenes).lower())) - STOP
        for board in boards
    ]
    overlaps = [len(one & two) / len(one | two) for one, two in itertools.combinations(words, 2)]
    assert max(overlaps) < 0.45 and sum(overlaps) / len(overlaps) < 0.25
    captions = [scene.caption for board in boards for scene in board.scenes]
    assert len(set(captions)) == len(captions)
    pictures = [tuple(scene.prompt for scene in board.scenes) for board in boards]
    assert not set(pictures[0]) & set(pictures[1]) and len(set(pictures)) == len(LINES)


@pytest.mark.parametrize("count", range(1, MOST_SCENES + 1))
def test_any_number_of_scenes(count: int) -> None:
    made = plan("Flynn and Mira explore a cave", count)
    assert [scene.number for scene in made.scenes] == list(range(1, count + 1))
    assert len({scene.caption for scene in made.scenes}) == count
    sizes = [scene.shot.size for scene in made.scenes]
    assert all(one != two for one, two in itertools.pairwise(sizes))
    assert plan_from_json(json.loads(json.dumps(plan_to_json(made)))) == made


@pytest.mark.parametrize("count", range(5, MOST_SCENES + 1))
def test_five_scenes_or_more_have_every_part_of_a_story(count: int) -> None:
    stages = parts(count)
    assert len(stages) == count and set(stages) == set(STAGES)
    assert list(stages) == sorted(stages, key=STAGES.index)


def test_the_same_question_gives_the_same_plan_and_another_seed_another() -> None:
    assert plan(LINES[0]) == plan(LINES[0])
    assert prompts(plan(LINES[0])) != prompts(plan(LINES[0], seed=1))


def test_a_registered_character_is_drawn_by_token_and_told_by_name() -> None:
    made = plan("Mira’s quiet morning in the garden")
    assert all(scene.cast == ("mira",) and "(mrvlqa woman:1.1)" in scene.prompt for scene in made.scenes)
    assert all("mrvlqa" not in scene.caption + scene.alt + scene.action + scene.dialogue for scene in made.scenes)
    assert sum("Mira" in scene.caption for scene in made.scenes) >= 3
    assert not re.search(r"\b(he|his|him)\b", " ".join(scene.caption for scene in made.scenes))


def test_several_characters_and_those_that_must_appear() -> None:
    assert plan("Flynn at the fair", 6).cast == ("flynn",)
    story = Story(logline="A day at the fair", scene_count=6, cast=("mira", "flynn"))
    both = OfflinePlanner().plan(story, CAST, lambda name, text: None)
    assert set(both.cast) == {"mira", "flynn"} and len(both.scenes[0].cast) == 2
    assert any(len(scene.cast) == 1 for scene in both.scenes)


def test_an_outfit_replaces_the_line_s_character() -> None:
    cast = {**CAST, "flynn@winter": Character(name="flynn@winter", token="fljsdhn", noun="man", look="red coat")}
    story = Story(logline="Flynn in the snow", cast=("flynn@winter",))
    assert OfflinePlanner().plan(story, cast, lambda name, text: None).cast == ("flynn@winter",)


def test_nobody_registered_is_forced_in() -> None:
    assert plan("A girl chasing a red balloon").cast == ()


@pytest.mark.parametrize(
    ("line", "noun"),
    [
        ("a girl chasing a red balloon through the market", "girl"),
        ("two dogs steal a sandwich", "dogs"),
        ("an old fisherman at sea", "fisherman"),
        ("A toaster dreaming of flight", "toaster"),
        ("rain", ""),
    ],
)
def test_an_invented_lead_keeps_one_look(line: str, noun: str) -> None:
    made = plan(line, 8)
    looks = {re.search(r"\(([^()]*):1\.2\)", scene.prompt)[1] for scene in made.scenes}  # type: ignore[index]
    assert len(looks) == 1 and noun in looks.pop()


def test_names_that_are_not_registered_are_told_and_look_the_same() -> None:
    made = plan("Romeo and Juliet meet on the balcony", 6)
    assert made.cast == () and "Romeo and Juliet" in made.scenes[0].caption
    assert "romeo" not in prompts(made).lower()
    looks = {look for scene in made.scenes for look in re.findall(r"\(((?:wo)?man [^()]*):1\.2\)", scene.prompt)}
    assert len(looks) == 2


@pytest.mark.parametrize(
    ("line", "names", "told"),
    [
        ("Tom and Anna meet in Paris", "Tom and Anna", 2),
        ("Tom, Anna and Ben play chess", "Tom, Anna and Ben", 3),
        ("Flynn and Zoe at the fair", "Flynn and Zoe", 2),
        ("Zoe and Flynn bake a cake", "Zoe and Flynn", 2),
        ("Tom, Anna play chess", "Tom", 2),
        ("Tom and Anna and Ben run", "Tom, Anna and Ben", 3),
        ("Tom, Anna, Ben and Zoe at a picnic", "Tom, Anna, Ben and Zoe", 4),
        ("FLYNN AND ZOE", "Flynn and Zoe", 2),
        ("twins build a castle", "", 2),
    ],
)
def test_everybody_stands_in_brackets_of_their_own(line: str, names: str, told: int) -> None:
    first, *_ = plan(line).scenes
    people = re.findall(r"\([^()]*(?:man|woman|boy|girl)[^()]*:1\.[12]\)", first.prompt)
    assert names in first.caption and len(people) == told == len(set(people))
    assert (" and ".join(people)) in first.prompt


@pytest.mark.parametrize(
    ("line", "said", "drawn"),
    [
        ("Tom meets Anna in Paris", "Tom is meeting Anna", ("(man ", "(woman ")),
        (
            "Grandma teaches Tom to bake bread",
            "Grandma is teaching Tom to bake bread",
            ("(grandma, old woman ", "(man "),
        ),
        (
            "A detective follows a stranger at night",
            "detective is following a stranger",
            ("(detective, ", "(stranger, "),
        ),
        ("Flynn hugs Anna", "Flynn is hugging Anna", ("(fljsdhn man:1.1)", "(woman ")),
        (
            "Mira plays cards with two friends",
            "Mira is playing cards",
            ("(mrvlqa woman:1.1)", "(friends, ", ":1.2) and ("),
        ),
        ("A thief and a guard play chess", "thief and a guard are playing chess", ("(thief, ", "(guard, ")),
        ("The king and his daughter dance", "king and his daughter", ("(king, ", "(daughter, girl ")),
        ("King Arthur draws a map", "King Arthur", ("(king, man ", "crown")),
        ("My brother Tom learns to swim", "Tom is learning to swim", ("(brother, boy ",)),
        ("Sarah becomes an astronaut", "Sarah", ("(astronaut, woman ", "helmet")),
        ("Marie Curie works in her laboratory", "Marie Curie", ("(woman ",)),
        ("Zorblax conquers the galaxy", "Zorblax is conquering the galaxy", ("man ",)),
        ("A sommelier loses his nose", "sommelier is losing his nose", ("(sommelier, man ",)),
        ("Breakup in a cafe", "a woman and a man", ("(woman ", "(man ", "angry")),
        ("Tom's dog runs away", "Tom's dog is running away", (" dog:1.2)",)),
        ("Anna calls Tom", "Anna is calling Tom", ("(woman ", "and (man ", "(calling him:1.2)")),
        (
            "Mira teaches Flynn how to surf",
            "Mira",
            ("(mrvlqa woman:1.1) and (fljsdhn man:1.1)", "teaching him how to surf"),
        ),
        ("Flynn and Grandma cook soup", "Flynn and Grandma", ("(fljsdhn man:1.1) and (grandma, old woman ",)),
        (
            "Sherlock Holmes and Dr. Watson chase a thief",
            "Sherlock Holmes and Dr Watson",
            ("and (doctor, ", "(thief, "),
        ),
        ("Mrs. Jones scolds the paperboy", "Mrs Jones is scolding the paperboy", ("(woman ",)),
        ("Officer Davis arrests a clown", "Officer Davis is arresting a clown", ("(officer, ", "(clown, ")),
        ("Tom, a baker, loves Anna, a florist", "Tom", ("(baker, man ", "and (florist, woman ")),
        ("Two brothers, Max and Ben, build a raft", "Max and Ben are building a raft", ("(man ", "and (man ")),
        ("A chef and a food critic argue", "a chef and a food critic", ("(chef, ", "and (food critic, ")),
        ("A hitman refuses to kill a child", "hitman is refusing", ("(hitman, man ", "and (child, ")),
        ("A cat burglar robs a bank", "cat burglar is robbing a bank", ("(cat burglar, ",)),
        ("Max the dog waits", "Max", (" dog:1.2)",)),
        ("Robin Hood steals from the rich", "Robin Hood", ("(man ",)),
        ("Little Red Riding Hood walks through the forest", "Little Red Riding Hood", (":1.2)", "forest")),
        ("A pack of wolves chases a deer", "wolves", ("wolves:1.2)", " deer:1.1)")),
        ("A story about Tom and Anna at the beach", "Tom and Anna", ("(man ", ") and (woman ")),
        ("A film about Flynn and Mira", "Flynn and Mira", ("(fljsdhn man:1.1) and (mrvlqa woman:1.1)",)),
        ("Two sisters enter a dark cave", "two sisters are entering a dark cave", ("(sisters, ", ") and (girl ")),
        ("A girl named Lily finds a shell", "Lily is finding a shell", ("(girl ",)),
        ("A wise old owl named Oliver flies", "Oliver", ("owl:1.2)",)),
        ("The king's daughter dances", "king's daughter waits", ("(daughter, girl ",)),
        ("Flynn's boss shouts", "Flynn's boss", ("(boss, ", "(fljsdhn man:1.1)")),
        ("A lonely widower flies a kite", "lonely widower is flying a kite", ("(lonely widower, ",)),
        ("Tom is a lonely baker", "Tom", ("(lonely baker, man ",)),
        ("Detective Flynn follows a mysterious woman", "Flynn is following", ("(fljsdhn man:1.1) and (",)),
        ("My brother, Tom, learns to swim", "Tom is learning to swim", ("(brother, boy ",)),
        ("The monkeys stole my hat", "monkeys are stealing my hat", ("monkeys:1.2)",)),
        ("Uncle Bob and Aunt Rose play cards", "Uncle Bob and Aunt Rose are playing cards", ("(uncle, ", "(aunt, ")),
        ("Victoria wins the race", "Victoria is winning the race", ("(woman ",)),
    ],
)
def test_everybody_the_line_speaks_of_is_told_and_drawn(line: str, said: str, drawn: tuple[str, ...]) -> None:
    first, *_ = plan(line).scenes
    assert said in first.caption or line.startswith("Breakup")
    assert all(words in first.prompt for words in drawn), first.prompt


def test_a_look_belongs_to_whom_it_is_said_of() -> None:
    made = plan("A girl in a red coat meets a boy in a blue hoodie")
    assert all(re.search(r"\(girl [^()]*red coat", scene.prompt) for scene in made.scenes)
    assert all(re.search(r"\(boy [^()]*blue hoodie", scene.prompt) for scene in made.scenes)
    both = plan("Tom and Anna in red coats")
    assert both.scenes[0].prompt.count("red coat") == 2


@pytest.mark.parametrize(
    ("line", "nobody"),
    [
        ("An old man writes a letter to Anna", "woman"),
        ("Grandpa tells a ghost story", "ghost:"),
        ("Tom's dog runs away", "man"),
        ("Tom is a pirate", "and (pirate"),
        ("Mia, a young girl, lives by the sea", ") and ("),
        ("My brother Tom is a chef", ") and ("),
        ("A chef cooks", ") and ("),
        ("The sailor is his father", ") and ("),
        ("A girl dreams of being a queen", ") and ("),
        ("A retired man paints a picture of a woman", "woman "),
    ],
)
def test_who_is_only_spoken_of_is_not_drawn(line: str, nobody: str) -> None:
    assert all(nobody not in scene.prompt for scene in plan(line).scenes)


def test_of_more_than_a_frame_holds_everybody_has_a_turn() -> None:
    made = plan("Emma, Jack, Lily, Noah and Mia go camping", 6)
    told = [set(re.findall(r"\(((?:wo)?man [^()]*):1\.2\)", scene.prompt)) for scene in made.scenes]
    assert len(set().union(*told)) == 5 and max(map(len, told)) == 4
    five = plan("five children dance in a hall").scenes[0]
    assert len(re.findall(r"\((?:children, )?(?:boy|girl) [^()]*:1\.2\)", five.prompt)) == 4


@pytest.mark.parametrize(
    ("line", "wanted", "never"),
    [
        ("five children dance in the rain", ("in the rain", "on a rainy"), ("stage", "living room")),
        ("An old man waits for a bus in the snow", ("snow",), ("train", "cafe")),
        ("Mira plays cards", ("playing cards",), ("guitar", "violin")),
        ("Children play in the park", ("park",), ("guitar", "violin")),
        ("Mira rides her bicycle to school", ("riding her bicycle",), ("horse", "skateboard")),
        ("Anna drives to work in the fog", ("driving to work", "fog"), ("laptop",)),
        ("Flynn builds a snowman", ("building a snowman", "snow"), ("(with a snowman",)),
        ("A nurse on a night shift", ("at night", "under the stars"), ("in the morning", "by day")),
        ("Two sisters quarrel about a dress", ("angry",), ("umbrella",)),
    ],
)
def test_what_is_done_fits_the_line(line: str, wanted: tuple[str, ...], never: tuple[str, ...]) -> None:
    made = plan(line)
    assert sum(any(word in scene.prompt for word in wanted) for scene in made.scenes) >= 3, prompts(made)
    assert not any(word in prompts(made) for word in never), prompts(made)


TOLD = "Tom meets Anna at the market. They fall in love. Anna leaves on a ship; Tom waits at the harbour for her"


def test_sentences_become_captions_in_their_order() -> None:
    captions = [scene.caption for scene in plan(TOLD, 6).scenes]
    told = ["Tom meets Anna at the market.", "They fall in love.", "Anna leaves on a ship."]
    told.append("Tom waits at the harbour for her.")
    assert [caption for caption in captions if caption in told] == told and captions[-1] == told[-1]
    grouped = [scene.caption for scene in plan(TOLD, 2).scenes]
    assert grouped == [" ".join(told[:2]), " ".join(told[2:])]
    assert plan(TOLD).title == "Tom meets Anna at the market"


def test_everybody_keeps_their_look_and_pronouns_mean_whoever_was_there() -> None:
    scenes = {scene.caption.split()[-1]: scene for scene in plan(TOLD, 4).scenes}
    looks = {word: re.findall(r"\(((?:wo)?man [^()]*):1\.2\)", scene.prompt) for word, scene in scenes.items()}
    tom, anna = looks["market."]
    assert tom.startswith("man") and anna.startswith("woman")
    assert looks["love."] == [tom, anna] and looks["ship."] == [anna] and looks["her."] == [tom]
    assert [scene.place for scene in scenes.values()] == ["market", "market", "boat", "harbour"]


def test_who_is_told_of_later_is_there_before_and_runners_leave_the_house() -> None:
    rain = plan("It is raining. A girl waits at the bus stop.", 2)
    girls = [re.search(r"\((girl [^()]*):1\.2\)", scene.prompt)[1] for scene in rain.scenes]  # type: ignore[index]
    assert girls[0] == girls[1]
    morning = plan("Flynn wakes up late in the bedroom. He runs to school", 2).scenes
    assert morning[0].place == "bedroom" and not grammar().places[morning[1].place].indoors


@pytest.mark.parametrize(
    ("line", "captions"),
    [
        ("Mira bakes a cake, then a dog eats it", ["Mira bakes a cake.", "Then a dog eats it."]),
        ("Mr. Smith buys a hat. The hat flies away", ["Mr. Smith buys a hat.", "The hat flies away."]),
        ('Tom laughs. He says: "Come back!" and runs', ["Tom laughs.", 'He says: "Come back!" and runs.']),
        ("Tom meets Dr. Who. They fly", ["Tom meets Dr. Who.", "They fly."]),
        ("New York, 1929. A banker loses. He cries", ["New York, 1929. A banker loses.", "He cries."]),
        ("Tom leaves. Years later he returns", ["Tom leaves.", "Years later he returns."]),
        ('"Go away. Now," says Anna. Tom leaves', ['"Go away. Now," says Anna.', "Tom leaves."]),
        ("- Tom wakes up\n- Tom eats", ["Tom wakes up.", "Tom eats."]),
        ("1. Tom wakes up. 2. Tom eats", ["Tom wakes up.", "Tom eats."]),
        ("A boy runs. It rains. He sleeps. He wakes up", ["A boy runs. It rains.", "He sleeps. He wakes up."]),
    ],
)
def test_what_a_sentence_is(line: str, captions: list[str]) -> None:
    made = plan(line, 2)
    assert [scene.caption for scene in made.scenes] == captions
    assert [bool(scene.dialogue) for scene in made.scenes] == ['"' in caption for caption in captions]


@pytest.mark.parametrize(
    ("line", "word", "shown"),
    [
        ("A knight rides out. There he meets a dragon", "dragon", "(knight, "),
        ("The king sits. The king is dead", "dead", "sad"),
        ("Tom sits. Then he swims in the lake", "swims", "by a lake"),
        ("Tom sits. The queen is angry", "angry", "angry"),
        ("She is late. He waits", "waits", "(man "),
        ("The fox is hungry. He jumps", "jumps", " fox:1.2)"),
        ("A chef tastes soup. He frowns. The waiter leaves", "frowns", "(chef, man "),
        ("Tom sits. The critic faints", "faints", "lying down"),
        ("I ride a horse. The horse jumps", "ride", "man "),
        ("Tom meets Anna. She smiles", "smiles", "(woman "),
    ],
)
def test_a_told_scene_shows_its_sentence(line: str, word: str, shown: str) -> None:
    scene = next(scene for scene in plan(line, 2).scenes if word in scene.caption)
    assert shown in scene.prompt, scene.prompt


def test_who_must_appear_does_so_in_told_lines_too() -> None:
    story = Story(logline="A girl finds a key. She opens a door. A dragon sleeps", scene_count=3, cast=("flynn",))
    scenes = OfflinePlanner().plan(story, CAST, lambda name, text: None).scenes
    assert all(scene.cast == ("flynn",) and "(fljsdhn man:1.1)" in scene.prompt for scene in scenes)
    assert "(girl " in scenes[0].prompt and "(girl " in scenes[1].prompt and "dragon" in scenes[2].prompt


def test_who_must_appear_and_is_named_stays_where_the_line_has_them() -> None:
    story = Story(logline="Flynn hugs Mira", cast=("mira", "flynn"))
    first = OfflinePlanner().plan(story, CAST, lambda name, text: None).scenes[0]
    assert "Flynn is hugging Mira" in first.caption and set(first.cast) == {"flynn", "mira"}


def test_he_is_whoever_was_told_of_last() -> None:
    scenes = plan("Tom meets Anna. Ben waits. Tom sleeps. He dreams. Ben meets Tom. He smiles", 6).scenes
    tom, ben = (re.findall(r"\((man [^()]*):1\.2\)", scenes[place].prompt)[0] for place in (0, 1))
    assert tom != ben and tom in scenes[3].prompt and ben not in scenes[3].prompt
    assert ben in scenes[5].prompt and tom not in scenes[5].prompt


def test_it_and_them_are_what_and_who_was_there() -> None:
    scenes = plan("Flynn finds a letter. Mira reads it. A pirate waits. He gives them a map", 4).scenes
    assert "letter" in scenes[1].prompt and "book" not in scenes[1].prompt
    assert [set(scene.cast) for scene in scenes] == [{"flynn"}, {"mira"}, set(), {"flynn", "mira"}]
    assert "(pirate, " in scenes[3].prompt and "map" in scenes[3].prompt and "holding" not in scenes[2].prompt


def test_endless_lists_of_names_are_read_at_once() -> None:
    made = plan("Tom and Anna and " * 110 + "Ben dance", 3)
    assert len(made.scenes) == 3 and len(mentions(read_line("Tom and " * 200, {}, grammar()), grammar())) == 1


@pytest.mark.parametrize(
    ("line", "count"),
    [("Flynn relaxes", 5), ("He sits. " * 7, 7), ("Mr. Smith. " * 9, 9), ("So it is. " * 99, 24), ("", 5)],
)
def test_a_board_has_a_scene_for_each_sentence(line: str, count: int) -> None:
    assert usual_scene_count(line) == count


@pytest.mark.parametrize("line", ["Flynn runs and then sleeps", "Flynn at 3.30 p.m. in the park", "Dr. Who"])
def test_one_sentence_is_one_story(line: str) -> None:
    assert line not in " ".join(scene.caption for scene in plan(line).scenes)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(LINES), min_size=2, max_size=30, unique=True), st.integers(1, MOST_SCENES))
def test_told_plans_keep_the_rules_too(lines: list[str], count: int) -> None:
    made = plan(". ".join(lines), count)
    assert len(made.scenes) == count and all(len(scene.caption) <= 401 for scene in made.scenes)
    sizes = [scene.shot.size for scene in made.scenes]
    assert all(one != two for one, two in itertools.pairwise(sizes))
    for scene in made.scenes:
        assert all(0 < weight <= 1.3 for _, weight in parse_attention(scene.prompt))
        assert 40 <= len(scene.alt) and not re.search(r"[<>{}|]", scene.caption + scene.alt + scene.action)


def test_an_adjective_is_nobody() -> None:
    made = plan("The last train home")
    assert all("last train" in scene.prompt and "The last " not in scene.caption for scene in made.scenes)


def test_what_the_line_says_of_looks_is_kept() -> None:
    made = plan("A girl with long red hair in a yellow raincoat jumps over puddles")
    assert all("long red hair" in scene.prompt and "yellow coat" in scene.prompt for scene in made.scenes)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("Flynn juggling chainsaws", "juggling chainsaws"),
        ("Flynn devours quinoa", "devouring quinoa"),
        ("Mira paints a quasar", "quasar"),
        ("Two dogs steal a quantum sandwich", "quantum sandwich"),
        ("Flynn befriends a zyzzyva in the forest", "zyzzyva"),
        ("A boy loses his favourite yoyo", "favourite yoyo"),
    ],
)
def test_words_nobody_knows_are_drawn_in_every_scene(line: str, wanted: str) -> None:
    assert all(wanted in scene.prompt for scene in plan(line).scenes)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("Flynn plays the violin on a rooftop at night", ("violin", "rooftop", "night")),
        ("Mira reads a letter in the kitchen", ("letter", "kitchen")),
        ("Flynn walks through the forest in the rain", ("forest", "rain")),
        ("Mira on a snowy mountain at sunset", ("mountain", "snow", "sunset")),
    ],
)
def test_place_time_weather_and_things_of_the_line_are_drawn(line: str, wanted: tuple[str, ...]) -> None:
    made = plan(line, 5)
    for word in wanted:
        assert sum(word in scene.prompt for scene in made.scenes) >= 3, word


def test_two_places_are_visited_in_their_order() -> None:
    places = [scene.place for scene in plan("Flynn sails from the harbour to the castle", 6).scenes]
    assert places[0] == "harbour" and places[-1] == "castle" and len(set(places)) == 2


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(LINES), st.integers(1, MOST_SCENES), st.integers(0, 2**32 - 1))
def test_every_plan_keeps_the_rules(line: str, count: int, seed: int) -> None:
    made = plan(line, count, seed=seed)
    for scene in made.scenes:
        told = scene.caption + scene.alt + scene.action
        assert not re.search(r"[<>{}|]|  |\.\.|,,", told), told
        assert len(scene.prompt.split()) <= 60 and scene.negative
        assert scene.alt != scene.caption and not scene.alt.lower().startswith(("image of", "picture of"))
        assert 40 <= len(scene.alt) <= 260, scene.alt
        assert scene.caption[0].isupper() and scene.caption[-1] in ".!”"
        assert 1.5 <= scene.duration_s <= 10
        assert all(0 < weight <= 1.3 for _, weight in parse_attention(scene.prompt))
        for name in scene.cast:
            assert CAST[name].phrase in scene.prompt


@pytest.mark.parametrize(
    "line",
    [
        "قصة قصيرة عن البحر",
        "小さな猫が海を見ている",
        "Flynn и Mira пьют чай 🍵",
        "a\x00b\x1b[31m\u202eevil\u2066 <script>alert(1)</script> {{7*7}} (x:99) [a|b] <lora:x:1> AND BREAK",
        "!!! ??? ...",
        "的" * 2000,
        "word " * 399,
        "Flynn " * 300,
        "FLYNN RUNS",
    ],
)
def test_odd_lines_give_plain_plans(line: str) -> None:
    made = plan(line, 7)
    assert len(made.scenes) == 7
    for scene in made.scenes:
        assert len(scene.prompt) < 1000 and len(scene.prompt.split()) <= 60
        assert not re.search(r"<lora|AND|BREAK|[\x00-\x1f\u202e|\[\]{}]", scene.prompt + scene.caption)
        assert all(weight <= 1.3 for _, weight in parse_attention(scene.prompt))


def test_words_in_other_scripts_are_drawn() -> None:
    assert all("البحر" in scene.prompt for scene in plan("قصة قصيرة عن البحر").scenes)


@pytest.mark.parametrize("line", ["", " \t", "\x00\u200f", "x" * 10_000])
def test_no_line_and_endless_lines_are_refused_in_one_sentence(line: str) -> None:
    with pytest.raises(BadInput):
        plan(line)


@given(st.text(min_size=1, max_size=120).filter(lambda text: bool(re.search(r"\w", text))))
@settings(max_examples=150, deadline=None)
def test_any_text_gives_a_plan_or_a_sentence(line: str) -> None:
    try:
        made = plan(line, 3)
    except BadInput:
        return
    assert len(made.scenes) == 3


def test_a_style_ends_every_prompt() -> None:
    assert all(scene.prompt.endswith("monochrome") for scene in plan("Flynn waits", style="noir").scenes)
    with pytest.raises(UnknownName, match="no style") as caught:
        plan("Flynn waits", style="nior")
    assert "noir" in caught.value.hint


def test_a_trained_style_is_drawn_by_its_token() -> None:
    cast = {**CAST, "spdmn": Character(name="spdmn", token="<style-spdmn>", noun="", look="", kind="style")}
    story = Story(logline="Flynn waits", cast=("spdmn",))
    made = OfflinePlanner().plan(story, cast, lambda name, text: None)
    assert all("<style-spdmn>" in scene.prompt and scene.cast == ("flynn",) for scene in made.scenes)


def test_the_grammar_is_rich_and_consistent() -> None:
    rules = grammar()
    tables = [each.beats for each in (*rules.activities.values(), *rules.complications)] + [rules.generic, rules.own]
    beats = [beat for table in tables for stage in STAGES for beat in table[stage]]
    beats += [beat for place in rules.places.values() for beat in place.moments]
    assert len(beats) > 700 and len(rules.index) > 2500
    for beat in beats:
        assert beat.pose in rules.tables["prompts"]["poses"] and beat.expression in rules.tables["faces"]
        assert beat.prop in ("", "-") or beat.prop in rules.tables["things"]
    for place in rules.places.values():
        assert set(place.near) <= rules.places.keys() and place.name in rules.tables["prompts"]["places"]
    for activity in rules.activities.values():
        assert set(activity.places) <= rules.places.keys() and set(activity.props) <= rules.tables["things"].keys()


def test_prompts_speak_the_starter_model_s_language() -> None:
    captions = pytest.importorskip("storyboard.starter.captions")
    known = captions.caption_words()
    used = [word for line in LINES for scene in plan(line).scenes for word in WORD.findall(scene.prompt.lower())]
    asked = set(WORD.findall(" ".join(LINES).lower())) | {"fljsdhn", "mrvlqa"}
    content = [word for word in used if word not in STOP and word not in asked]
    unknown = [word for word in content if word not in known]
    assert len(unknown) / len(content) < 0.1, sorted(set(unknown))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Flynn and Mira build a rocket in the garage", ("building a rocket", "in the garage")),
        ("Flynn hugs Mira in the garage", ("hugging her", "in the garage")),
        ("Flynn gives Mira a red balloon", ("giving her a red balloon", "red balloon")),
        ("Mira discovers an abandoned lighthouse", ("discovering an abandoned lighthouse",)),
        ("Flynn juggles chainsaws in Narnia", ("juggling chainsaws", "in Narnia")),
        ("a dragon teaches an old sailor to bake bread", ("teaching an old sailor to bake bread",)),
        ("Flynn enjoys a quiet morning with a crossword", ("enjoying a quiet morning", "crossword")),
        ("an old man repairs clocks", ("repairing clocks", "(old man with")),
    ],
)
def test_the_lines_own_verb_object_and_place_are_in_every_prompt(line: str, said: tuple[str, ...]) -> None:
    scenes = plan(line, 4).scenes
    assert all(words in scene.prompt for scene in scenes for words in said)


def test_the_first_caption_says_what_the_line_says() -> None:
    assert "building a rocket" in plan("Flynn and Mira build a rocket in the garage", 4).scenes[0].caption


def test_a_line_in_another_language_is_quoted_not_misread() -> None:
    made = plan("ein Hund sucht seinen Ball", 4)
    assert all("ein hund sucht seinen ball" in scene.prompt for scene in made.scenes)
    assert not any("holding a sucht" in scene.prompt for scene in made.scenes)


@pytest.mark.parametrize("line", ["ein Hund sucht seinen Ball", "Flynn sucht seinen Hut", "火星の猫", "قطة على القمر"])
def test_other_languages_are_said_to_be_beyond_it(line: str) -> None:
    assert "English" in language_note(line, CAST)


@pytest.mark.parametrize("line", LINES)
def test_english_lines_are_not_taken_for_other_languages(line: str) -> None:
    assert language_note(line, CAST) == ""
