"""Studies on Mechanical Turk: the task, the qualification of its workers, and what becomes of their work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from semsynth.config import Config, dump_config, load_config
from semsynth.errors import SemsynthError
from semsynth.extras import require
from semsynth.study.answers import trial_of
from semsynth.study.exclusions import report_worker
from semsynth.study.store import Store, open_store

TASK = "mturk.json"
"""File of the study's folder that remembers the published task."""

SANDBOX = "https://mturk-requester-sandbox.us-east-1.amazonaws.com"
LIVE = "https://mturk-requester.us-east-1.amazonaws.com"

_APPROVAL_RATE = "000000000000000000L0"
"""MTurk's own qualification: percentage of a worker's assignments that were approved."""
_QUESTION = (
    '<ExternalQuestion xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2006-07-14/'
    'ExternalQuestion.xsd"><ExternalURL>{url}</ExternalURL><FrameHeight>0</FrameHeight></ExternalQuestion>'
)


class PublishedTask(Config):
    """A published task (HIT)."""

    hit: str
    live: bool
    """False: in the sandbox, where nobody is paid."""
    url: str


@dataclass(frozen=True)
class Offer:
    """What workers are told and paid.

    Attributes:
        title: of the task, in MTurk's list.
        description: below it.
        reward: US dollars per assignment, for example ``1.50``.
        minutes: time for one assignment.
        days: how long the task is listed, and after how long unreviewed work is approved by itself.
    """

    title: str
    description: str
    reward: str
    minutes: int = 60
    days: int = 7


@dataclass(frozen=True)
class Review:
    """What became of one piece of submitted work.

    Attributes:
        worker: pseudonym.
        assignment: MTurk's id.
        approved: None if nothing was decided.
        reason: why.
    """

    worker: str
    assignment: str
    approved: bool | None
    reason: str


def connect(live: bool, endpoint: str | None = None) -> Any:
    """A client of MTurk's API, of the sandbox unless ``live``.

    Args:
        live: whether real people are asked and paid.
        endpoint: another address of the API.

    Raises:
        SemsynthError: boto3 is not installed.
    """
    require("mturk", "Mechanical Turk", "boto3")
    import boto3

    return boto3.client("mturk", region_name="us-east-1", endpoint_url=endpoint or (LIVE if live else SANDBOX))


def publish_study(
    study: Path, url: str, offer: Offer, *, live: bool = False, db: str | None = None, endpoint: str | None = None
) -> tuple[PublishedTask, int]:
    """Publish a study by its folder, which remembers the task.

    Args:
        study: the folder.
        url: ``https://`` address of the served study.
        offer: what workers are told and paid.
        live: whether real people are asked and paid; else MTurk's sandbox.
        db: as in :func:`semsynth.study.store.open_store`.
        endpoint: another address of the API.

    Returns:
        The task, and its number of assignments.

    Raises:
        SemsynthError: the study is published already, or as :func:`publish`.
    """
    if (study / TASK).exists():
        raise SemsynthError(f"{study / TASK} says that this study is published: remove the file to publish it again")
    store = open_store(study, db)
    task = publish(connect(live, endpoint), store, url, offer, live)
    dump_config(task, study / TASK)
    return task, len(store.plan.assignments)


def review_study(
    study: Path, *, decide: bool = False, db: str | None = None, endpoint: str | None = None
) -> list[Review]:
    """Review the work on a published study by its folder; arguments as above and in :func:`review`.

    Raises:
        SemsynthError: the study is not published, or MTurk refuses.
    """
    from semsynth.study.server.keys import load_keys

    if not (study / TASK).exists():
        raise SemsynthError(f"{study} is not published: semsynth study mturk publish {study}")
    task = load_config(PublishedTask, study / TASK)
    return review(connect(task.live, endpoint), open_store(study, db), task, load_keys(study).pseudonym, decide)


def publish(client: Any, store: Store, url: str, offer: Offer, live: bool) -> PublishedTask:
    """List the study as one task with as many assignments as the plan has; MTurk gives each worker one.

    Workers need a lifetime approval rate above the design's ``min_approval_percent``, where it has one.

    Raises:
        SemsynthError: an address that MTurk's page cannot show, or MTurk refuses.
    """
    if urlsplit(url).scheme != "https":
        raise SemsynthError(f"`url={url}`: MTurk shows https:// pages only; put the server behind a proxy with TLS")
    percent = store.plan.design.min_approval_percent
    qualifications = [
        {
            "QualificationTypeId": _APPROVAL_RATE,
            "Comparator": "GreaterThan",
            "IntegerValues": [int(percent)],
            "ActionsGuarded": "Accept",
        }
        for percent in ([] if percent is None else [percent])
    ]
    with_errors = _explained(client)
    reply = with_errors(
        "create_hit",
        Title=offer.title,
        Description=offer.description,
        Keywords="pictures, images, comparison, survey",
        Reward=offer.reward,
        MaxAssignments=len(store.plan.assignments),
        AssignmentDurationInSeconds=60 * offer.minutes,
        LifetimeInSeconds=86400 * offer.days,
        AutoApprovalDelayInSeconds=86400 * offer.days,
        Question=_QUESTION.format(url=escape(url)),
        QualificationRequirements=qualifications,
    )
    return PublishedTask(hit=reply["HIT"]["HITId"], live=live, url=url)


def review(
    client: Any, store: Store, task: PublishedTask, pseudonym: Callable[[str], str], decide: bool
) -> list[Review]:
    """Approve finished work, and reject work that fails the design's sentinel rule.

    Work without a finished assignment in the database is left for a person to look at.

    Args:
        client: of :func:`connect`.
        store: the answers.
        task: what was published.
        pseudonym: what a worker id is called in the database.
        decide: tell MTurk; False only says what would be done.
    """
    answers = [answer for answer in store.answers() if trial_of(store.plan, answer).kind != "practice"]
    with_errors, found = _explained(client), []
    for submitted in list(_submitted(with_errors, task.hit)):  # before decisions make the list shorter
        worker = pseudonym(submitted["WorkerId"])
        mine = [answer for answer in answers if answer.worker == worker and answer.complete]
        if not mine:
            hasty = any(answer.too_fast for answer in answers if answer.worker == worker)
            reason = "answered faster than a person can" if hasty else "no finished assignment in the database"
            found.append(Review(worker, submitted["AssignmentId"], None, reason))
            continue
        report = report_worker(store.plan, worker, mine)
        sentinels = f"{report.sentinels_right} of {report.sentinels} check questions right"
        approved = "sentinels" not in report.excluded_for
        found.append(Review(worker, submitted["AssignmentId"], approved, sentinels))
        if decide and approved:
            with_errors("approve_assignment", AssignmentId=submitted["AssignmentId"])
        elif decide:
            feedback = f"Only {sentinels}; the task asks to look at every pair."
            with_errors("reject_assignment", AssignmentId=submitted["AssignmentId"], RequesterFeedback=feedback)
    return found


def _submitted(call: Callable[..., Any], hit: str) -> Iterator[Any]:
    """Work that waits for a decision, page by page."""
    page: dict[str, str] = {}
    while True:
        reply = call("list_assignments_for_hit", HITId=hit, AssignmentStatuses=["Submitted"], MaxResults=100, **page)
        yield from reply["Assignments"]
        if not reply.get("NextToken"):
            return
        page = {"NextToken": reply["NextToken"]}


def _explained(client: Any) -> Callable[..., Any]:
    """Calls operations of the client; MTurk's refusals become one line."""
    from botocore.exceptions import BotoCoreError, ClientError

    def call(operation: str, **arguments: object) -> Any:
        try:
            return getattr(client, operation)(**arguments)
        except (BotoCoreError, ClientError) as error:
            way_out = "check the credentials (`aws configure`), the account's balance and the offer"
            raise SemsynthError(
                f"Mechanical Turk refuses {operation}: {' '.join(str(error).split())}; {way_out}"
            ) from error

    return call
