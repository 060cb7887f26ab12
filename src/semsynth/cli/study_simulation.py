"""``semsynth study simulate``: people who are not there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semsynth.cli.study_options import Study
from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.study.plan import StudyPlan
    from semsynth.study.simulation import Population


def simulate(
    study: Study,
    db: Annotated[
        str | None, typer.Option("--db", metavar="URL", help="Where answers go (default: STUDY/simulated.sqlite).")
    ] = None,
    strengths: Annotated[
        list[str] | None,
        typer.Option("--strength", metavar="METHOD=LOGITS", help="Simulated strength of a method; repeatable."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Number of people (default: one per assignment).")] = None,
    careless: Annotated[float, typer.Option(min=0, max=1, help="Share of people who click at random.")] = 0.1,
    biased: Annotated[float, typer.Option(min=0, max=1, help="Share who nearly always choose left.")] = 0.05,
    dropout: Annotated[float, typer.Option(min=0, max=1, help="Share who stop half-way.")] = 0.0,
    power: Annotated[
        int | None,
        typer.Option(min=1, metavar="STUDIES", help="Simulate N studies: how often is a pair told apart?"),
    ] = None,
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="Take part over HTTP, all at once, at a server on this machine.")
    ] = None,
    allow_robots: Annotated[
        bool,
        typer.Option(
            "--allow-robots", help="--server: let them answer into its database, marked, and never counted by analyse."
        ),
    ] = False,
    pace: Annotated[float, typer.Option(min=0, help="--server: mean seconds from answer to answer.")] = 2.0,
    seed: Annotated[int, typer.Option(min=0, help="Draws people and answers.")] = 0,
) -> None:
    """Let simulated people answer: a dry run of everything, or the power of the whole design."""
    from semsynth.cli.progress import count_bar
    from semsynth.study.plan import load_plan
    from semsynth.study.running import population, simulate_study
    from semsynth.study.simulation import simulated_power

    planned = load_plan(study)
    people = population(planned, _strengths(strengths or []), careless, biased, dropout)
    if power is not None:
        for (first, second), share in simulated_power(planned, people, power).items():
            typer.echo(f"{first} against {second}: found in {share:.0%} of {power} studies (clustered, Holm, 5 %)")
        return
    if server is not None:
        if not allow_robots:
            raise SemsynthError(
                f"--server {server}: robots would answer into the study's own database: let them with --allow-robots; "
                "their answers are marked there, and analyse leaves them out"
            )
        _visit(server, study, planned, people, workers or len(planned.assignments), pace, seed)
        return
    with count_bar("answering") as bar:
        answered = simulate_study(study, people, db=db, workers=workers, seed=seed, progress=bar)
    where = "--simulated" if db is None else f"--db {db}"
    typer.echo(f"{answered} simulated people answered: semsynth study analyse {study} {where} --out report")


def _visit(
    server: str, study: Path, planned: StudyPlan, people: Population, count: int, pace: float, seed: int
) -> None:
    import numpy as np

    from semsynth.study.participants import visit
    from semsynth.study.server.keys import load_keys

    met = visit(server, planned, load_keys(study).operator, people, count, pace, seed)
    median, late = np.quantile(met.seconds or [0.0], [0.5, 0.95])
    typer.echo(f"{met.finished} of {count} people finished, {met.turned_away} found no place")
    typer.echo(f"{len(met.acknowledged):,} answers, {met.retries} requests sent again")
    typer.echo(f"answer time: median {1000 * median:.0f} ms, 95 % within {1000 * late:.0f} ms")


def _strengths(given: list[str]) -> dict[str, float]:
    found = {}
    for text in given:
        method, equals, value = text.partition("=")
        try:
            found[method] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise SemsynthError(f"--strength {text}: expected METHOD=LOGITS, for example ours=0.5")
    return found
