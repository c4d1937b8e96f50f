"""Captions, alt texts, actions and dialogue of the offline planner: every sentence a little different from the last."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from storyboard.planning.arc import Moment, Premise
from storyboard.planning.grammar import Grammar
from storyboard.planning.inflect import inflect, sentence_case, with_article
from storyboard.planning.leads import Lead

FRAMES = {"opening": "opening", "development": "middle", "turn": "turn", "height": "height", "close": "close"}
QUOTED = re.compile(r"[\"“„]([^\"“”„]{2,120})[\"”“]")
TELLING = re.compile(r"[^\x00-\x7f]| .*(?<!ed)(?<!ing)(?<!ly)$")


@dataclass(kw_only=True)
class Narrator:
    """Tells a board's scenes in order and remembers what has been said already."""

    about: Premise
    grammar: Grammar
    rng: random.Random
    said: set[str] = field(default_factory=set)
    introduced: set[str] = field(default_factory=set)
    by_pronoun: bool = True

    def caption(self, moment: Moment) -> str:
        """One or two sentences for readers, the line's own where there is one; characters by name."""
        if moment.told:
            self.introduced.update(lead.name for lead in moment.who)
            return moment.told
        does = self.does(moment)
        frame = self._fresh([frame for frame in self._frames(moment) if not ("At last" in frame and "at last" in does)])
        values = {
            "does": does,
            "at": self.grammar.places[moment.place].at,
            "when": self._fresh(self.grammar.tables["times"]["time"][moment.time]["when"]).lower_first(),
            "face": self._face(moment, frame),
            "detail": self._fresh(self._details(moment)),
            "who": self._who(moment),
        }
        text: str = frame
        for name, value in values.items():
            text = text.replace("{" + name + "}", value).replace("{" + sentence_case(name) + "}", sentence_case(value))
        return self._with_topic(sentence_case(text), moment)

    def does(self, moment: Moment) -> str:
        """The beat's words for its subject."""
        many, pronoun = grammatical(moment.who)
        text = moment.beat.does.replace("{doing}", self.about.reading.doing)
        text = text.replace("{prop}", moment.prop[0] or self.about.prop[0] or "thing")
        return inflect(text, many=many, pronoun=pronoun)

    def alt(self, moment: Moment) -> str:
        """What the frame shows, for those who cannot see it: who, doing what, where, and how near."""
        tables = self.grammar.tables
        many, pronoun = grammatical(moment.who)
        who = joined([lead.name for lead in moment.who])
        pose = inflect(tables["poses"]["alt"][moment.beat.pose], many=many, pronoun=pronoun)
        face = tables["poses"]["expressions"][moment.beat.expression]
        parts = [f"{who}, {face}," if moment.who[0].human else who]
        parts[0] += f" {pose} {self.grammar.places[moment.place].at}"
        parts += [f"holding {with_article(moment.prop[0])}"] if moment.prop[0] and moment.who[0].human else []
        parts += [f"with {moment.company.name} close by"] if moment.company.name else []
        light = [tables["poses"]["times"][moment.time], tables["poses"]["weathers"].get(moment.weather, "")]
        parts += [" ".join(word for word in light if word)]
        size = tables["shots"]["alt_sizes"][moment.shot.size]
        return f"{sentence_case(', '.join(parts))}; {size}."

    def action(self, moment: Moment) -> str:
        """What the crew must know and the caption does not say: who is how, with what in hand, what the camera does."""
        camera = self.grammar.tables["shots"]["camera"][moment.shot.movement]
        holding = f", {with_article(moment.prop[0])} in hand" if moment.prop[0] and moment.who[0].human else ""
        return f"{sentence_case(self._posed(moment))}{holding}. {camera}"

    def _posed(self, moment: Moment) -> str:
        """ "Flynn sits"."""
        many, pronoun = grammatical(moment.who)
        pose = inflect(self.grammar.tables["poses"]["alt"][moment.beat.pose], many=many, pronoun=pronoun)
        return f"{joined([lead.name for lead in moment.who])} {pose}"

    def dialogue(self, moment: Moment) -> str:
        """A spoken line in about every third scene, or ""; of a sentence of the line's own what it quotes."""
        speaker = moment.who[self.rng.randrange(len(moment.who))]
        if moment.told:
            quoted = QUOTED.search(moment.told)
            return f"{sentence_case(speaker.name)}: {quoted[1]}" if quoted else ""
        if not speaker.human or moment.beat.expression == "asleep" or self.rng.random() > 0.4:
            return ""
        table = self.grammar.tables["dialogue"][moment.stage]
        lines = [*table["any"], *table.get(self.about.reading.mood, ())]
        line = self._fresh([line for line in lines if line not in self.said] or lines)
        return f"{sentence_case(speaker.name)}: {line}"

    def _frames(self, moment: Moment) -> list[str]:
        """Sentence frames that fit: a new place or time is told, an old one mostly not."""
        frames = self.grammar.tables["captions"][FRAMES[moment.stage]]
        told = self.rng.random()
        human = all(lead.human for lead in moment.who)
        fitting = [
            frame
            for frame in frames
            if (human or "{face}" not in frame)
            and ("{at}" in frame.lower() or not moment.arrived)
            and ("{at}" not in frame.lower() or moment.arrived or told < 0.2)
            and ("{when}" not in frame.lower() or moment.later)
        ]
        plain = [frame for frame in frames if "{face}" not in frame and "{when}" not in frame.lower()]
        return fitting or plain

    def _face(self, moment: Moment, frame: str) -> str:
        if "{face}" not in frame:
            return ""
        many, pronoun = grammatical(moment.who)
        return inflect(self._fresh(self.grammar.tables["faces"][moment.beat.expression]), many=many, pronoun=pronoun)

    def _details(self, moment: Moment) -> list[str]:
        weather = self.grammar.tables["times"]["weather"].get(moment.weather, {}).get("details", [])
        return [*self.grammar.places[moment.place].details, *weather]

    def _who(self, moment: Moment) -> str:
        """Names; the first time with what they are; now and then, never twice running, a pronoun."""
        names = [self._introduced(lead) for lead in moment.who]
        alone = len(self.about.leads) == 1 and moment.stage in ("development", "close") and not moment.arrived
        if alone and not self.by_pronoun and moment.who[0].human and self.rng.random() < 0.3:
            self.by_pronoun = True
            _, pronoun = grammatical(moment.who)
            if pronoun in ("he", "she"):
                return pronoun
        self.by_pronoun = False
        return joined(names)

    def _introduced(self, lead: Lead) -> str:
        name = lead.name if lead.name in self.introduced else lead.intro
        self.introduced.add(lead.name)
        return name

    def _with_topic(self, caption: str, moment: Moment) -> str:
        """The words that nobody knows are told once each, so that the caption is about them too."""
        topics = [topic for topic in self.about.topics if topic not in self.said and TELLING.search(topic)]
        if not topics or moment.stage not in ("opening", "development"):
            return caption
        self.said.add(topics[0])
        name = topics[0] if topics[0].isascii() else f"“{topics[0]}”"
        return f"{caption} {self._fresh(TOPIC_SENTENCES).format(name)}"

    def _fresh(self, choices: Sequence[str]) -> Phrase:
        """One that has not been said on this board, as long as there is one."""
        chosen = self.rng.choice([each for each in choices if each not in self.said] or list(choices))
        self.said.add(chosen)
        return Phrase(chosen)


class Phrase(str):
    """A phrase that can stand at the beginning or inside a sentence."""

    def lower_first(self) -> str:
        """The first letter small."""
        return self[:1].lower() + self[1:]


TOPIC_SENTENCES = (
    "One thought stays: {}.",
    "The headline would read: {}.",
    "In short: {}.",
    "And everywhere: {}.",
)


def grammatical(who: Sequence[Lead]) -> tuple[bool, str]:
    """(plural verb, pronoun) for a subject."""
    if len(who) > 1:
        return True, "they"
    return who[0].many, who[0].pronoun


def joined(names: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
