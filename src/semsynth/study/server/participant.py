"""What participants' pages ask for."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Header

from semsynth.study.plan import PICTURES
from semsynth.study.server.keys import Keys
from semsynth.study.server.messages import AnswerReply, AnswerRequest, JoinReply, JoinRequest, ShownPair, StudyMessage
from semsynth.study.store import NewAnswer, RefusedError, Store

Authorization = Annotated[str, Header(max_length=256)]


def routes(store: Store, keys: Keys, completion_code: str | None) -> APIRouter:
    """``/api/study``, ``/api/join`` and ``/api/answers``."""
    router = APIRouter(prefix="/api")
    plan, design = store.plan, store.plan.design

    @router.get("/study")
    def study() -> StudyMessage:
        height, width = plan.size
        return StudyMessage(
            question=design.question,
            instructions=design.instructions,
            consent=design.consent,
            timed=design.timed,
            ties=design.ties,
            layout=design.show_layout,
            height=height,
            width=width,
            minutes=round(design.expiry_minutes),
        )

    @router.post("/join")
    def join(request: JoinRequest) -> JoinReply:
        joined = store.join(keys.pseudonym(request.worker))
        store.describe_screen(joined.session, json.dumps(request.screen.model_dump()))
        return JoinReply(
            token=keys.token(joined.session),
            pairs=tuple(
                ShownPair(
                    practice=trial.kind == "practice",
                    left=f"{PICTURES}/{trial.left_picture}",
                    right=f"{PICTURES}/{trial.right_picture}",
                    layout=f"{PICTURES}/{trial.layout_picture}" if trial.layout_picture else None,
                    exposure=trial.exposure,
                )
                for trial in plan.assignments[joined.assignment].trials
            ),
            answered=tuple(sorted(joined.answered)),
        )

    @router.post("/answers")
    def answer(request: AnswerRequest, authorization: Authorization = "") -> AnswerReply:
        session = keys.session_of(authorization.removeprefix("Bearer "))
        if session is None:
            raise RefusedError("unknown", "this session's token is not valid: open the study's link again")
        complete = store.answer(session, NewAnswer(**request.model_dump()))
        code = (completion_code or keys.completion_code(session)) if complete else None
        return AnswerReply(complete=complete, code=code)

    return router
