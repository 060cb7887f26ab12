"""``semsynth study mturk``: a study on Mechanical Turk."""

from __future__ import annotations

from typing import Annotated

import typer

from semsynth.cli.study_options import Db, Study

app = typer.Typer(no_args_is_help=True, help="Publish a study on Mechanical Turk and review the work.")

Endpoint = Annotated[str | None, typer.Option(help="Another address of MTurk's API.", hidden=True)]


@app.callback()
def _commands() -> None:
    """Publish a study on Mechanical Turk and review the work."""


@app.command()
def publish(
    study: Study,
    url: Annotated[str, typer.Option(help="https:// address of the served study.", show_default=False)],
    reward: Annotated[str, typer.Option(help="US dollars per assignment, for example 1.50.", show_default=False)],
    title: Annotated[str, typer.Option(help="Of the task.")] = "Compare pairs of pictures",
    description: Annotated[str, typer.Option(help="Below the title.")] = "Look at pairs of pictures and choose one.",
    live: Annotated[bool, typer.Option("--live", help="Real people, real money; default is MTurk's sandbox.")] = False,
    db: Db = None,
    endpoint: Endpoint = None,
) -> None:
    """List the study as a task, in MTurk's sandbox unless --live is given."""
    from semsynth.study.mturk import Offer, publish_study

    task, count = publish_study(study, url, Offer(title, description, reward), live=live, db=db, endpoint=endpoint)
    where = "live" if live else "in the sandbox"
    typer.echo(f"task {task.hit}, {where}: {count} assignments at {reward} dollars")


@app.command()
def review(
    study: Study,
    decide: Annotated[bool, typer.Option("--decide", help="Tell MTurk; default only says what would be done.")] = False,
    db: Db = None,
    endpoint: Endpoint = None,
) -> None:
    """Approve submitted work, or reject it by the design's sentinel rule."""
    from semsynth.study.mturk import review_study

    verdicts = {True: "approve", False: "reject", None: "look at"}
    for one in review_study(study, decide=decide, db=db, endpoint=endpoint):
        typer.echo(f"{verdicts[one.approved]} {one.assignment} of {one.worker}: {one.reason}")
