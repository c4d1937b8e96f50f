"""The shape of a story: which part each scene plays, what happens in it, where, when, and how the camera sees it."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from storyboard.planning.grammar import STAGES, Activity, Beat, Beats, Complication, Grammar
from storyboard.planning.inflect import with_article
from storyboard.planning.leads import MOST_TOGETHER, Company, Lead
from storyboard.planning.line import Reading
from storyboard.scene_plan import Shot

SHARES = {"opening": 0.18, "development": 0.34, "turn": 0.16, "height": 0.16, "close": 0.16}
SHORT = {1: ("development",), 2: ("opening", "close"), 3: ("opening", "height", "close")}
FOUR = ("opening", "development", "height", "close")
HANDS = ("pointing", "waving", "thinking", "reading", "cheering")
OWN = Activity(name="", doing="", beats={}, places=("park", "street", "city", "beach", "forest", "rooftop"))
SHORTEST_DAY = 3
"""Fewer scenes take place at one time of the day that the line says."""
DAYS = (("morning", "noon"), ("noon", "sunset"), ("morning", "noon", "sunset"), ("noon",), ("sunset", "night"))


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One scene before it is put into words.

    Attributes:
        who: the leads in it.
        prop: what is in hand, as the line or the illustrator calls it, with its plain name.
        company: who is there besides the leads.
        arrived: the place is another than in the scene before.
        told: the line's own sentence for this scene, or "".
    """

    stage: str
    beat: Beat
    who: tuple[Lead, ...]
    place: str
    arrived: bool
    time: str
    later: bool
    weather: str
    prop: tuple[str, str]
    company: Company
    shot: Shot
    seconds: float
    told: str = ""


@dataclass(frozen=True, kw_only=True)
class Premise:
    """What the whole board is about."""

    reading: Reading
    leads: tuple[Lead, ...]
    company: Company
    activity: Activity
    second: Activity | None
    complication: Complication | None
    prop: tuple[str, str]

    @property
    def topics(self) -> tuple[str, ...]:
        """The line's words that nobody knows, without those that describe a lead or its company."""
        of_leads = (text for lead in self.leads for text in (lead.intro, *lead.told, *lead.used))
        said = " ".join([self.company.name, *self.company.told, *of_leads])
        used = set(said.lower().replace(",", "").replace("'s", "").split())
        used |= {f"{word}s" for word in used}
        names = {lead.name.lower() for lead in self.leads}
        topics = (" ".join(word for word in topic.split() if word not in names) for topic in self.reading.topics)
        return tuple(topic for topic in topics if not set(topic.split()) <= used)


def parts(count: int) -> tuple[str, ...]:
    """The part each of `count` scenes plays, in order; from five scenes on, every part is there."""
    if count < 4:
        return SHORT[count]
    if count == 4:
        return FOUR
    amounts = dict.fromkeys(STAGES, 1)
    while sum(amounts.values()) < count:
        short_of = max(STAGES, key=lambda stage: SHARES[stage] * count - amounts[stage])
        amounts[short_of] += 1
    return tuple(stage for stage in STAGES for _ in range(amounts[stage]))


def premise(
    reading: Reading,
    leads: tuple[Lead, ...],
    company: Company,
    count: int,
    grammar: Grammar,
    rng: random.Random,
    idle: Activity | None = None,
) -> Premise:
    """Activity, complication and thing of the board; `idle` is what is done where the line says nothing of it."""
    known = [grammar.activities[name] for name in reading.activities]
    if known or reading.doing:
        activity = known[0] if known else OWN
    else:
        activity = idle or grammar.activities[rng.choice(_idle_activities(reading, grammar))]
    prop = _main_prop(activity, reading, rng)
    if activity.companion and len(leads) == 1 and not company.name:
        company = _newcomer(activity.companion)
    fitting = _fitting(grammar.complications, reading, leads, company, activity, grammar)
    complication = rng.choice(fitting) if count >= 5 and fitting else None
    second = known[1] if len(known) > 1 else None
    return Premise(
        reading=reading,
        leads=leads,
        company=company,
        activity=activity,
        second=second,
        complication=complication,
        prop=prop,
    )


def _idle_activities(reading: Reading, grammar: Grammar) -> list[str]:
    """For a line that says nothing of doing: what fits its place, or what fits anywhere."""
    there = [each.name for each in grammar.activities.values() if set(each.places) & set(reading.places)]
    return there or ["relax", "walk", "explore", "wait", "search", "photograph"]


def _main_prop(activity: Activity, reading: Reading, rng: random.Random) -> tuple[str, str]:
    """The line's own thing, or the activity's first or second."""
    for phrase, name in reading.things:
        if name in activity.props or not activity.props:
            return phrase, name
    if reading.things and activity.name not in ("music", "fish", "kite", "ball", "skate"):
        return reading.things[0]
    name = rng.choice(activity.props if activity.any_prop else activity.props[:1]) if activity.props else ""
    return (name, name)


def _fitting(
    all_of_them: Iterable[Complication],
    reading: Reading,
    leads: Sequence[Lead],
    company: Company,
    activity: Activity,
    grammar: Grammar,
) -> list[Complication]:
    """The complications that do not contradict the line."""
    places = reading.places or _homes(activity, reading, grammar)[:1]
    indoors = any(sheltered(name, grammar) for name in places)
    kinds = {word for lead in leads for told in lead.told for word in told.split()}
    fitting = []
    for each in all_of_them:
        crowded = each.companion and (company.name or len(leads) > 1 or any(lead.many for lead in leads))
        alike = each.companion in kinds or (each.companion and not all(lead.human for lead in leads))
        wet = each.weather and (reading.weather or activity.name == "weather")
        held = each.prop and (reading.things or each.prop in activity.props)
        if not (crowded or alike or wet or held or (each.outdoors and indoors)):
            fitting.append(each)
    return fitting


def moments(
    about: Premise,
    stages: Sequence[str],
    grammar: Grammar,
    rng: random.Random,
    last: Moment | None = None,
    used: set[str] | None = None,
    told: bool = False,
) -> tuple[Moment, ...]:
    """A scene for each of the stages, in order; behind `last` and without the beats of `used`, to which theirs are
    added. Where the first is `told` in the line's own words, it shows what is done, and the line's mood."""
    count = len(stages)
    shown = ("development", *stages[1:]) if told else stages
    beats = _beats(about, shown, grammar, rng, set() if used is None else used)
    if told:
        beats[0] = _in_mood(_as_said(beats[0], about.reading, grammar), about.reading.mood, grammar, firmly=True)
    places = _places(about, count, grammar, rng)
    times = _times(about, count, rng)
    weathers = _weathers(about, stages, places, grammar, rng)
    shots = _shots(stages, beats, grammar, rng, last)
    before = [(last.place, last.time) if last else ("", ""), *zip(places, times, strict=True)]
    made = []
    for index, stage in enumerate(stages):
        after_turn = about.complication is not None and "turn" in stages[: index + 1]
        who = _who(about.leads, index, count)
        made.append(
            Moment(
                stage=stage,
                beat=beats[index],
                who=who,
                place=places[index],
                arrived=places[index] != before[index][0],
                time=times[index],
                later=times[index] != before[index][1],
                weather=weathers[index],
                prop=_prop(about, beats[index], after_turn),
                company=_company(about, who, after_turn),
                shot=shots[index],
                seconds=grammar.tables["shots"]["seconds"][shots[index].size],
            )
        )
    return tuple(made)


def _who(leads: tuple[Lead, ...], index: int, count: int) -> tuple[Lead, ...]:
    """Everybody, or of more than a frame holds some in turn; with several leads now and then one alone (never in the
    first or the last scene)."""
    if len(leads) > 1 and count >= 4 and index % 3 == 2 and index + 1 < count:
        return (leads[(index // 3) % len(leads)],)
    turned = index * MOST_TOGETHER % len(leads) if len(leads) > MOST_TOGETHER else 0
    return _as_fit((*leads[turned:], *leads[:turned]))


def _as_fit(leads: Sequence[Lead]) -> tuple[Lead, ...]:
    """The first of them, as many as a frame holds with all who belong to them; one at least."""
    ends = itertools.accumulate(len(lead.told) for lead in leads)
    return tuple(lead for lead, end in zip(leads, ends, strict=True) if end <= MOST_TOGETHER) or tuple(leads[:1])


def _company(about: Premise, who: Sequence[Lead], after_turn: bool) -> Company:
    """The line's companion wherever all leads are; the complication's from the turn on."""
    if len(who) < min(len(about.leads), MOST_TOGETHER):
        return Company()
    if about.company.name:
        return about.company.beside(sum(len(lead.told) for lead in who))
    return _newcomer(about.complication.companion) if about.complication and after_turn else Company()


def _newcomer(companion: str) -> Company:
    """An animal that an activity or the turn brings along; nobody for ""."""
    name = with_article(companion) if companion else ""
    return Company(name=name, plain=name)


def _prop(about: Premise, beat: Beat, after_turn: bool) -> tuple[str, str]:
    """What is in hand: the beat's own thing, nothing, what the turn brought, or the board's main thing."""
    if beat.prop == "-" or beat.pose in ("climbing", "sleeping"):
        return ("", "")
    if beat.prop and not about.reading.things:
        return (beat.prop, beat.prop)
    if about.complication and after_turn and about.complication.prop:
        of_the_turn = {each.does for beats in about.complication.beats.values() for each in beats}
        if beat.does in of_the_turn or not about.prop[0]:
            return (about.complication.prop, about.complication.prop)
    return about.prop


def _beats(about: Premise, stages: Sequence[str], grammar: Grammar, rng: random.Random, used: set[str]) -> list[Beat]:
    """One beat a scene, none twice: first what belongs to the activity and the turn, then places, then anything."""
    closing = rng.random() < 0.5
    chosen: list[Beat] = []
    for index, stage in enumerate(stages):
        first = stage not in stages[:index]
        pools = _pools(about, stage, first, closing, grammar)
        fresh = [[beat for beat in pool if beat.does not in used and _possible(beat, about)] for pool in pools]
        pool = next((pool for pool in fresh if pool), fresh[-1] or list(pools[-1]))
        previous = chosen[-1].pose if chosen else ""
        beat = rng.choice([each for each in pool if each.pose != previous] or pool)
        used.add(beat.does)
        chosen.append(_in_mood(beat, about.reading.mood, grammar))
    return chosen


def _pools(about: Premise, stage: str, first: bool, closing: bool, grammar: Grammar) -> list[Sequence[Beat]]:
    """Where to take a beat from, best first."""
    own: Beats = about.activity.beats if about.activity.name else grammar.own
    turned = about.complication.beats if about.complication else {}
    pools: list[Sequence[Beat]] = []
    if stage == "opening" and first and about.reading.doing:
        pools.append([dataclasses.replace(beat, does="<be> {doing}") for beat in own[stage]])
    if stage == "turn" or (stage in ("height", "close") and first and closing == (stage == "close")):
        pools.append(turned.get(stage, ()))
    pools.append(own[stage])
    pools.append(turned.get(stage, ()))
    if about.second:
        pools.append(about.second.beats[stage])
    if stage in ("opening", "development"):
        home = about.reading.places[:1] or about.activity.places[:1]
        pools.append([beat for name in home for beat in grammar.places[name].moments])
    pools.append(grammar.generic[stage])
    pools.append(grammar.generic["development"])
    return pools


def _as_said(beat: Beat, reading: Reading, grammar: Grammar) -> Beat:
    """A beat in the pose, and with the face, of the line's own verb; plainly standing where that tells of no pose."""
    told = grammar.tables["poses"]["verbs"].get(reading.verb, "")
    if not told:
        return beat if reading.activities or not reading.doing else dataclasses.replace(beat, pose="standing")
    pose, face = (part.strip() for part in told.split("|"))
    return dataclasses.replace(beat, pose=pose, expression=face or beat.expression)


def _in_mood(beat: Beat, mood: str, grammar: Grammar, *, firmly: bool = False) -> Beat:
    """A plain face takes on the line's mood; `firmly`, any that is awake."""
    if not mood or beat.expression == "asleep" or (beat.expression != "neutral" and not firmly):
        return beat
    return dataclasses.replace(beat, expression=grammar.tables["moods"][mood]["expression"])


def _possible(beat: Beat, about: Premise) -> bool:
    """Animals and things hold nothing; two people do not talk of one when they are many."""
    handless = "{prop}" not in beat.does and not beat.prop.strip("-") and beat.pose not in HANDS
    return all(lead.human for lead in about.leads) or handless


def _places(about: Premise, count: int, grammar: Grammar, rng: random.Random) -> list[str]:
    """A walk: the line's places in its order, or the activity's with the way there and the way on."""
    route = [*about.reading.places]
    if not route:
        homes = _homes(about.activity, about.reading, grammar)
        home = rng.choice((*homes[:1] * 2, *homes))
        near = _open_air(grammar.places[home].near, about.reading, grammar)
        route = [home]
        if count >= 4 and near and rng.random() < 0.5:
            route = [rng.choice(near), home]
        if count >= 6 and near and (len(route) == 1 or rng.random() < 0.5):
            route.append(rng.choice([name for name in near if name not in route] or [home]))
    elif set(route) <= about.reading.destinations and count > 1:
        homes = _homes(about.activity, about.reading, grammar)
        route = [next((name for name in homes if name not in route), homes[0]), *route]
    elif len(route) == 1 and count >= 8:
        near = _open_air(grammar.places[route[0]].near, about.reading, grammar)
        route = [route[0], rng.choice(near), route[0]] if near else route
    return _spread(route, count, about.activity.places)


def _homes(activity: Activity, reading: Reading, grammar: Grammar) -> tuple[str, ...]:
    """Where an activity happens; out of doors where the line speaks of the weather."""
    return _open_air(activity.places, reading, grammar) or activity.places


def _open_air(places: Sequence[str], reading: Reading, grammar: Grammar) -> tuple[str, ...]:
    """All of them, or where the line speaks of the weather those that it reaches."""
    return tuple(name for name in places if not (reading.weather and sheltered(name, grammar)))


def sheltered(place: str, grammar: Grammar) -> bool:
    """Whether no weather reaches a place."""
    return grammar.places[place].indoors or place == "moon"


def _spread(route: Sequence[str], count: int, homes: Sequence[str]) -> list[str]:
    """Each place for a run of scenes; the home place for twice as long as the others."""
    weights = [2 if name in homes else 1 for name in route]
    ends = [sum(weights[: index + 1]) / sum(weights) for index in range(len(route))]
    return [next(name for name, end in zip(route, ends, strict=True) if (i + 0.5) / count <= end) for i in range(count)]


def _times(about: Premise, count: int, rng: random.Random) -> list[str]:
    """The line's time throughout, its day until the evening, or a day that moves on."""
    said = about.reading.time or about.activity.time
    if said and (said != "noon" or count < SHORTEST_DAY):
        return [said] * count
    days = [day for day in DAYS if "noon" in day[:1]] if said else DAYS
    day = rng.choice(days)
    return [day[min(len(day) - 1, index * len(day) // count)] for index in range(count)]


def _weathers(
    about: Premise, stages: Sequence[str], places: Sequence[str], grammar: Grammar, rng: random.Random
) -> list[str]:
    """The line's weather, or one for the board; the turn may bring another until the close."""
    usual = about.reading.weather or rng.choices(("clear", "cloudy", "fog"), (8, 2, 1))[0]
    brought = about.complication.weather if about.complication else ""
    weathers = [brought if brought and stage in ("turn", "height") else usual for stage in stages]
    inside = [sheltered(name, grammar) for name in places]
    return ["" if covered else weather for covered, weather in zip(inside, weathers, strict=True)]


def _shots(
    stages: Sequence[str], beats: Sequence[Beat], grammar: Grammar, rng: random.Random, last: Moment | None
) -> list[Shot]:
    """Sizes that change from scene to scene and show what the beat needs; angles and movements to match."""
    table, whole = grammar.tables["shots"], grammar.tables["poses"]["whole_body"]
    shots = [last.shot] if last else []
    for index, stage in enumerate(stages):
        sizes = [size for size in table["sizes"][stage] if not shots or size != shots[-1].size]
        visible = [size for size in sizes if beats[index].pose not in whole or "close" not in size]
        recent = {(shot.angle, shot.movement) for shot in shots[-2:]}
        pairs = [(angle, move) for angle in table["angles"][stage] for move in table["movements"][stage]]
        angle, movement = rng.choice([pair for pair in pairs if pair not in recent] or pairs)
        size = rng.choice(visible or sizes or table["sizes"][stage])
        shots.append(Shot(size=size, angle=_fit_angle(size, angle), movement=movement))
    return shots[-len(stages) :]


def _fit_angle(size: str, angle: str) -> str:
    """A bird's eye needs distance; a shoulder needs somebody near."""
    if angle == "birds-eye" and "wide" not in size:
        return "high"
    if angle == "over-the-shoulder" and "wide" in size:
        return "eye-level"
    return angle
