"""A Story is planned into a ScenePlan, rendered into Frames, and laid out on a Board. Open this file first."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from storyboard.board import Board
from storyboard.events import Exported, FrameDone, FrameFailed, Listener, Note, Planned, Step
from storyboard.frame import Frame
from storyboard.job import Job
from storyboard.manifest import Manifest, Version
from storyboard.render_options import FrameRequest
from storyboard.run_store import RunStore


def make_board(job: Job, store: RunStore, listener: Listener) -> Board:
    """Plan, render, repair, place, export; whatever is already in the folder and still right is kept."""
    with store.writing():
        manifest = plan(job, store, listener)
        manifest = render(job, manifest, store, listener)
        manifest = job.repair(manifest, store, listener)
        board = job.place(manifest.plan, store.stored_frames(manifest))
        export(job, board, manifest, store, listener)
    return board


def plan(job: Job, store: RunStore, listener: Listener) -> Manifest:
    """The board's manifest with a plan: the one it has when the question is the same, else a new one."""
    before = store.read() if store.exists() else None
    if before and (job.story is None or job.planner is None or dict(before.asked) == dict(job.asked)):
        listener(Planned(plan=before.plan, reused=True))
        return before
    if job.story is None or job.planner is None:
        return store.read()
    scene_plan = job.planner.plan(job.story, job.cast, store.record)
    begun = before or Manifest(plan=scene_plan)
    manifest = dataclasses.replace(begun, plan=scene_plan, asked=job.asked, options=job.options)
    store.save(manifest, undoable=before is not None)
    listener(Planned(plan=scene_plan, reused=False))
    return manifest


def render(job: Job, manifest: Manifest, store: RunStore, listener: Listener) -> Manifest:
    """Draw what is missing; every finished frame is on disk before the next is begun."""
    before = manifest
    requests = {request.scene_id: request for request in job.renderer.requests(manifest.plan, job.cast)}
    manifest, wanted = _kept_and_wanted(manifest, requests, store, listener)
    if wanted:
        store.check_space(len(wanted), requests[wanted[0]].width, requests[wanted[0]].height)
        for event in job.renderer.render(manifest.plan, job.cast, wanted, store.frames_folder):
            if isinstance(event, Step):
                listener(event)
            elif isinstance(event, Frame):
                path = store.publish_frame(event)
                if event.request.scene_id in requests:
                    version = Version(key=event.request.key, base_key=event.request.key)
                    manifest = manifest.with_version(event.request.scene_id, version)
                    store.save(manifest)
                    listener(FrameDone(scene_id=event.request.scene_id, path=path, reused=False))
            else:
                manifest = manifest.with_failure(event.scene_id, event.reason)
                store.save(manifest)
                listener(FrameFailed(scene_id=event.scene_id, reason=event.reason))
    manifest = dataclasses.replace(manifest, options=job.options)
    if manifest != before:
        store.save(manifest)
    store.publish_placeholders(store.stored_frames(manifest))
    return manifest


def _kept_and_wanted(
    manifest: Manifest, requests: Mapping[str, FrameRequest], store: RunStore, listener: Listener
) -> tuple[Manifest, list[str]]:
    """Scenes whose active version still answers the plan stay; known pictures come back; the rest is wanted."""
    wanted = []
    for scene_id, request in requests.items():
        version = store.whole_version(manifest, scene_id, request.key)
        if version is None:
            wanted.append(scene_id)
            continue
        if gone := _given_way(manifest.active_version(scene_id), version):
            number = manifest.plan.scene(scene_id).number
            again = f"storyboard redo {store.folder} {number}"
            listener(Note(text=f"Frame {number} shows its first picture: that of {gone!r} is gone. Another: {again}"))
        manifest = manifest.with_version(scene_id, version)
        listener(FrameDone(scene_id=scene_id, path=store.frame_path(version.key), reused=True))
    return manifest, wanted


def _given_way(chosen: Version | None, shown: Version) -> str:
    """How the chosen version of a scene came about where a picture drawn before is shown for it; else ""."""
    if chosen is None or chosen.base_key != shown.base_key or chosen.key == shown.key:
        return ""
    return chosen.note


def export(job: Job, board: Board, manifest: Manifest, store: RunStore, listener: Listener) -> None:
    """Write the board's files; one whose plan, frames and layout have not changed is left alone."""
    keys = dict(manifest.exports)
    for name, write in job.exports.items():
        path, key = store.folder / name, job.export_key(board, name)
        if not (reused := keys.get(name) == key and path.exists()):
            write(board, path)
            keys[name] = key
        listener(Exported(path=path, reused=reused))
    exported = dataclasses.replace(manifest, exports=keys, **job.settings_for(manifest))
    if exported != manifest:
        store.save(exported)
