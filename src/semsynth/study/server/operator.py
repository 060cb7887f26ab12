"""What the operator's page asks for; everything needs the token."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException
from fastapi.responses import PlainTextResponse

from semsynth.config import Config
from semsynth.study.answers import Answer, trial_of
from semsynth.study.exclusions import report_worker
from semsynth.study.plan import StudyPlan
from semsynth.study.preference import wilson_interval
from semsynth.study.report import table_csv
from semsynth.study.server.keys import Keys
from semsynth.study.server.messages import LivePreference, LiveWorker, PauseRequest, ProgressReply
from semsynth.study.store import Store


class ExportedAnswer(Config):
    """A row of the export: an answer and what it is an answer to."""

    worker: str
    assignment: int
    trial: int
    kind: str
    image: str
    left: str
    right: str
    exposure: float | None
    expected: str | None
    choice: str
    response_seconds: float
    shown_seconds: float | None
    dropped_frames: int
    complete: bool
    too_fast: bool


def routes(store: Store, keys: Keys) -> APIRouter:
    """``/api/operator/progress``, ``/api/operator/pause`` and ``/api/operator/answers.csv``."""

    def check(authorization: Annotated[str, Header(max_length=256)] = "") -> None:
        if not keys.is_operator(authorization.removeprefix("Bearer ")):
            raise HTTPException(403, "the operator's token is needed: `semsynth study serve` prints it")

    router = APIRouter(prefix="/api/operator", dependencies=[Depends(check)])

    @router.get("/progress")
    def progress() -> ProgressReply:
        answers = [one for one in store.answers() if trial_of(store.plan, one).kind != "practice"]
        return ProgressReply(
            study=store.plan.design.name,
            **vars(store.progress()),
            preferences=_preferences(store.plan, answers),
            workers=_workers(store, answers),
        )

    @router.post("/pause")
    def pause(request: PauseRequest) -> PauseRequest:
        store.pause(request.paused)
        return request

    @router.get("/answers.csv")
    def export() -> PlainTextResponse:
        rows = exported(store)
        text = table_csv(rows) if rows else ",".join(ExportedAnswer.model_fields) + "\n"
        return PlainTextResponse(text, media_type="text/csv")

    return router


def exported(store: Store) -> list[ExportedAnswer]:
    """Every stored answer beside its trial."""
    return [
        ExportedAnswer(
            **trial_of(store.plan, answer).model_dump(
                include={"kind", "image", "left", "right", "exposure", "expected"}
            ),
            **vars(answer),
        )
        for answer in store.answers()
    ]


def _preferences(plan: StudyPlan, answers: list[Answer]) -> tuple[LivePreference, ...]:
    counts = {frozenset(pair): [0, 0, 0] for pair in plan.pairs}
    first_of = {frozenset(pair): pair[0] for pair in plan.pairs}
    for answer in answers:
        trial = trial_of(plan, answer)
        if trial.kind != "judgement":
            continue
        pair = frozenset((trial.left, trial.right))
        chosen = {"left": trial.left, "right": trial.right, "tie": None}[answer.choice]
        counts[pair][2 if chosen is None else int(chosen != first_of[pair])] += 1
    found = []
    for first, second in plan.pairs:
        wins, losses, ties = counts[frozenset((first, second))]
        low, high = wilson_interval(wins, wins + losses, plan.design.level)
        found.append(
            LivePreference(
                first=first,
                second=second,
                first_preferred=wins,
                second_preferred=losses,
                ties=ties,
                low=low,
                high=high,
            )
        )
    return tuple(found)


def _workers(store: Store, answers: list[Answer]) -> tuple[LiveWorker, ...]:
    given: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        given[answer.worker].append(answer)
    found = []
    for worker, state in store.workers().items():
        report = report_worker(store.plan, worker, given[worker])
        found.append(
            LiveWorker.model_validate(
                {
                    "worker": worker,
                    "state": state,
                    **report.model_dump(include={"answers", "sentinels", "sentinels_right", "excluded_for"}),
                }
            )
        )
    return tuple(found)
