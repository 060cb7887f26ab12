"""``semsynth study serve`` and ``semsynth study analyse``: a study's answers, coming in and evaluated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semsynth.cli.options import Proxies
from semsynth.cli.study_options import Db, Study


def serve(
    study: Study,
    db: Db = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 is all of them.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8010,
    completion_code: Annotated[
        str | None,
        typer.Option(help="One code for everybody, as Prolific wants it (default: a unique code per participant)."),
    ] = None,
    joins_per_minute: Annotated[
        int, typer.Option(min=1, help="New participants of one address in a minute; a class in one room needs more.")
    ] = 3,
    proxies: Proxies = None,
) -> None:
    """Serve the study's pages to participants and to its operator, until Ctrl-C."""
    from semsynth.study.running import serve_study

    def ready(address: str, token: str) -> None:
        typer.echo(f"participants: {address}/")
        typer.echo(f"operator:     {address}/operator (token {token})")

    serve_study(
        study,
        db=db,
        host=host,
        port=port,
        completion_code=completion_code,
        joins_per_minute=joins_per_minute,
        proxies=proxies or (),
        ready=ready,
    )


def analyse(
    study: Study,
    out: Annotated[Path, typer.Option(help="The report's folder; made if missing.", show_default=False)],
    db: Db = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Analyse what `semsynth study simulate STUDY` answered.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
) -> None:
    """Analyse the answers: preferences with intervals and p-values, exclusions, ranking, agreement."""
    from semsynth.study.running import analyse_study

    results, page = analyse_study(study, out, db=db, simulated=simulated, seed=seed)
    left_out = results.exclusions.stored - results.exclusions.kept
    kind = "simulated judgements" if results.simulated else "judgements"
    typer.echo(f"{results.judgements:,} {kind}; {left_out} answers left out by the design's rules")
    if results.robots:
        typer.echo(f"{results.robots:,} answers of robots are left out, too")
    for one in results.preferences:
        share = (
            "no answers" if one.share is None else f"{one.share:.1%} [{one.clustered[0]:.1%}, {one.clustered[1]:.1%}]"
        )
        typer.echo(f"{one.first} > {one.second}: {share}, p = {one.p_clustered_holm:.2g} (clustered, Holm)")
    typer.echo(f"report: {page}")
