"""The repair loop: score every frame, draw the worst again with another seed, keep the better one."""

from __future__ import annotations

from dataclasses import replace

from storyboard.editing.board_changes import OpenBoard, pick_version, redo_frame
from storyboard.evaluating.check import FrameScore, score_board
from storyboard.evaluating.likeness import Judge


def repair(board: OpenBoard, judge: Judge, least: float, times: int) -> tuple[FrameScore, ...]:
    """Redo the worst frame below `least`, at most `times` times in all; returns the final scores.

    A redone frame that scores no better gives way to the version before it, and is not tried a third time.
    """
    scores = scores_of(board, judge)
    tries: dict[int, int] = {}
    for _ in range(times):
        bad = [score for score in scores if score.total < least and tries.get(score.number, 0) < 2]
        if not bad:
            break
        worst = min(bad, key=lambda score: score.total)
        tries[worst.number] = tries.get(worst.number, 0) + 1
        scores = _redone(board, judge, scores, worst)
    return scores


def scores_of(board: OpenBoard, judge: Judge) -> tuple[FrameScore, ...]:
    """The scores of the board as it is on disk now."""
    return score_board(board.store, board.store.read(), board.cast, judge)


def _redone(
    board: OpenBoard, judge: Judge, before: tuple[FrameScore, ...], worst: FrameScore
) -> tuple[FrameScore, ...]:
    current = replace(board, manifest=board.store.read())
    scene = current.scene(worst.number)
    shown = current.manifest.versions[scene.id].index(current.version(scene))
    redo_frame(current, worst.number, note="")
    after = scores_of(board, judge)
    if next(score.total for score in after if score.number == worst.number) > worst.total:
        return after
    pick_version(replace(board, manifest=board.store.read()), worst.number, f"v{shown + 1}")
    return before
