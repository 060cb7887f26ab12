"""What participants' pages ask for."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Header, Request

from semsynth.study.plan import PICTURES
from semsynth.study.records import TOO_FAST, NewAnswer, RefusedError
from semsynth.study.server.keys import Keys
from semsynth.study.server.messages import AnswerReply, AnswerRequest, JoinReply, JoinRequest, ShownPair, StudyMessage
from semsynth.study.server.places import JoinRate
from semsynth.study.store import Store
from semsynth.study.tables import ROBOT

Authorization = Annotated[str, Header(max_length=256)]


def routes(store: Store, keys: Keys, rate: JoinRate, completion_code: str | None) -> APIRouter:
    """``/api/study``, ``/api/join`` and ``/api/answers``."""

    def worker_of(request: JoinRequest, client: str, token: str) -> str:
        """Who joins; new people of one address are let in one after the other, robots only by the operator."""
        worker = keys.pseudonym(request.worker)
        if request.robot:
            if not keys.is_operator(token):
                raise RefusedError("robot", "robots need the operator's token: see `semsynth study simulate`")
            return f"{ROBOT}{worker}"
        seconds = 0 if store.knows(worker) else rate.take(client)
        if seconds:
            message = f"many people of your network have just begun: in {seconds} seconds there is a place"
            raise RefusedError("too_many", message, seconds=seconds)
        return worker

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
    def join(request: JoinRequest, http: Request, authorization: Authorization = "") -> JoinReply:
        client = http.client.host if http.client else ""
        joined = store.join(worker_of(request, client, authorization.removeprefix("Bearer ")))
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
        received = store.answer(session, NewAnswer(**request.model_dump()))
        if received.too_fast:
            return AnswerReply(complete=True, note=TOO_FAST)
        code = (completion_code or keys.completion_code(session)) if received.complete else None
        return AnswerReply(complete=received.complete, code=code)

    return router
