"""``semsynth study``: human A/B studies of pictures, from the plan to the p-value."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.classes import ClassSet
    from semsynth.study.design import StudyDesign
    from semsynth.study.plan import Plan
    from semsynth.study.simulation import Population
    from semsynth.study.store import Store

app = typer.Typer(no_args_is_help=True, help="Perceptual studies: plan, serve and analyse A/B comparisons.")

Study = Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of `semsynth study plan`.", show_default=False)]
Db = Annotated[
    str | None, typer.Option("--db", metavar="URL", help="sqlite:///FILE or postgresql://...; default in STUDY.")
]


@app.callback()
def _commands() -> None:
    """Perceptual studies: plan, serve and analyse A/B comparisons."""


@app.command()
def plan(
    design: Annotated[str, typer.Option(help="A preset, or a DESIGN.yaml.", show_default=False)],
    method: Annotated[
        list[str] | None, typer.Option(metavar="NAME=DIR", help="A method's pictures; repeat it.", show_default=False)
    ] = None,
    real: Annotated[Path | None, typer.Option(help="Folder of the real photos.")] = None,
    layouts: Annotated[Path | None, typer.Option(help="Folder of the label maps.")] = None,
    classes: Annotated[
        str | None,
        typer.Option(help="A classes.json or a built-in class set; default that of the layouts' dataset folder."),
    ] = None,
    common: Annotated[bool, typer.Option("--common", help="Leave out names that a folder lacks.")] = False,
    seed: Annotated[int | None, typer.Option(min=0, help="Replaces the design's seed.")] = None,
    power: Annotated[
        float | None, typer.Option(metavar="SHARE", help="How many judgements detect this preference?")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The study's folder, to be made.")] = None,
) -> None:
    """Plan a study: pairs matched by name, everything balanced and drawn from a seed.

    Presets: crn-2017-unlimited, crn-2017-timed, pix2pixhd-2018-unlimited, pix2pixhd-2018-timed,
    pix2pixhd-2018-region, spade-2019. With --power and without --method nothing is planned.
    """
    from semsynth.config import override
    from semsynth.study.design import load_design
    from semsynth.study.presets import PRESETS

    chosen = load_design(design, PRESETS)
    if seed is not None:
        chosen = override(chosen, [f"seed={seed}"])
    if not method and power is not None:
        _tell_power(power)
        return
    if not method or out is None:
        raise SemsynthError("give --method NAME=DIR for every method and --out STUDY; or only --power SHARE")
    _make(chosen, _folders(method), real, layouts, _classes(classes, layouts), common, out)
    if power is not None:
        _tell_power(power)


def _make(
    design: StudyDesign,
    methods: dict[str, Path],
    real: Path | None,
    layouts: Path | None,
    classes: ClassSet | None,
    common: bool,
    out: Path,
) -> None:
    from semsynth.study.planning import Sources, make_study

    made, notes = make_study(Sources(methods, real, layouts, classes, common), design, out)
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    _tell_plan(made)
    typer.echo(f"{out} is ready: semsynth study serve {out}")


def _folders(given: list[str]) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for text in given:
        name, equals, folder = text.partition("=")
        if not (equals and folder and name and all(sign.isalnum() or sign in "_.+-" for sign in name)):
            raise SemsynthError(f"--method {text}: expected NAME=DIR, for example ours=out/ours; no blanks in NAME")
        if name in folders:
            raise SemsynthError(f"--method {text}: '{name}' is given twice")
        folders[name] = Path(folder)
    return folders


def _classes(given: str | None, layouts: Path | None) -> ClassSet | None:
    """The class set of the layouts; None where they are pictures."""
    if given is None and layouts is None:
        return None
    from semsynth.data.folder import CLASSES_FILE, named_classes

    described = (layouts or Path()).absolute().parent.parent  # DIR/SPLIT/labels
    if given is None and not (described / CLASSES_FILE).is_file():
        return None
    return named_classes(given, described)


def _tell_plan(made: Plan) -> None:
    judged = made.num_judgements
    per_pair = judged / len(made.pairs)
    pairs = ", ".join(f"{first} or {second}" for first, second in made.pairs)
    typer.echo(f"{made.design.name}: {pairs}; {len(made.images)} pictures")
    timing = f" at {len(made.design.exposures)} exposures" if made.design.timed else ""
    typer.echo(f"{judged:,} judgements, {per_pair:,.0f} per pair of methods{timing}")
    sizes = sorted({len(assignment.trials) for assignment in made.assignments})
    trials = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    typer.echo(f"{len(made.assignments)} assignments of {trials} pairs, sentinels and practice included")


def _tell_power(preference: float) -> None:
    from semsynth.study.power import required_judgements

    for power in (0.8, 0.9, 0.95):
        count = required_judgements(preference, power=power)
        typer.echo(f"{count:,} judgements show a preference of {preference:.1%} with probability {power:.0%}")
    typer.echo(
        "if they are independent (exact test, 5 %); `semsynth study simulate --power` counts people and pictures too"
    )


@app.command()
def serve(
    study: Study,
    db: Db = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 is all of them.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8010,
    completion_code: Annotated[
        str | None, typer.Option(help="One code for everybody, as Prolific wants it; default one of each's own.")
    ] = None,
) -> None:
    """Serve the study's pages to participants and to its operator, until Ctrl-C."""
    from semsynth.study.server.app import create_app
    from semsynth.study.server.keys import load_keys

    store, keys = open_store(study, db), load_keys(study)
    listening = _listen(host, port)
    address = f"http://{host}:{listening.getsockname()[1]}"
    typer.echo(f"participants: {address}/")
    typer.echo(f"operator:     {address}/operator (token {keys.operator})")
    application = create_app(study, store, keys, completion_code)
    import uvicorn

    uvicorn.Server(uvicorn.Config(application, log_level="warning", access_log=False)).run([listening])


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=2048)
    except OSError as error:
        raise SemsynthError(
            f"cannot listen on {host}:{port} ({error.strerror or error}): try another --port"
        ) from error


@app.command()
def analyse(
    study: Study,
    out: Annotated[Path, typer.Option(help="The report's folder; made if missing.", show_default=False)],
    db: Db = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
) -> None:
    """Analyse the answers: preferences with intervals and p-values, exclusions, ranking, agreement."""
    from semsynth.study.analysis import analyse as run
    from semsynth.study.report import write_report

    store = open_store(study, db)
    results = run(store.plan, store.answers(), seed)
    files = write_report(results, store.plan, study, out)
    left_out = results.exclusions.stored - results.exclusions.kept
    typer.echo(f"{results.judgements:,} judgements; {left_out} answers left out by the design's rules")
    for one in results.preferences:
        share = (
            "no answers" if one.share is None else f"{one.share:.1%} [{one.clustered[0]:.1%}, {one.clustered[1]:.1%}]"
        )
        typer.echo(f"{one.first} > {one.second}: {share}, p = {one.p_clustered_holm:.2g} (clustered, Holm)")
    typer.echo(f"report: {files[0]}")


@app.command()
def simulate(
    study: Study,
    db: Annotated[
        str | None, typer.Option("--db", metavar="URL", help="Where answers go; default STUDY/simulated.sqlite.")
    ] = None,
    strength: Annotated[
        list[str] | None, typer.Option(metavar="METHOD=LOGITS", help="How strong a method is; repeat it.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="So many people; default one per assignment.")] = None,
    careless: Annotated[float, typer.Option(min=0, max=1, help="Share of people who click at random.")] = 0.1,
    biased: Annotated[float, typer.Option(min=0, max=1, help="Share who nearly always choose left.")] = 0.05,
    dropout: Annotated[float, typer.Option(min=0, max=1, help="Share who stop half-way.")] = 0.0,
    power: Annotated[
        int | None,
        typer.Option(min=1, metavar="STUDIES", help="Simulate so many studies: how often is a pair told apart?"),
    ] = None,
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="Take part over HTTP, all at once, at a server on this machine.")
    ] = None,
    pace: Annotated[float, typer.Option(min=0, help="--server: mean seconds from answer to answer.")] = 2.0,
    seed: Annotated[int, typer.Option(min=0, help="Draws people and answers.")] = 0,
) -> None:
    """Let simulated people answer: a dry run of everything, or the power of the whole design."""
    from semsynth.study.plan import load_plan
    from semsynth.study.simulation import Population, default_strengths, simulated_power

    planned = load_plan(study)
    strengths = default_strengths(planned) | _strengths(strength or [], planned)
    population = Population(strengths, careless, biased, dropout=dropout)
    if power is not None:
        for (first, second), share in simulated_power(planned, population, power).items():
            typer.echo(f"{first} against {second}: found in {share:.0%} of {power} studies (clustered, Holm, 5 %)")
        return
    if server is not None:
        _visit(server, planned, population, workers or len(planned.assignments), pace, seed)
        return
    url = db or _sqlite_in(study, "simulated.sqlite")
    answered = _simulate(open_store(study, url), population, workers, seed)
    typer.echo(f"{answered} simulated people answered: semsynth study analyse {study} --db {url} --out report")


def _visit(server: str, planned: Plan, population: Population, people: int, pace: float, seed: int) -> None:
    import numpy as np

    from semsynth.study.participants import visit

    met = visit(server, planned, population, people, pace, seed)
    median, late = np.quantile(met.seconds or [0.0], [0.5, 0.95])
    typer.echo(f"{met.finished} of {people} people finished, {met.turned_away} found no place")
    typer.echo(f"{len(met.acknowledged):,} answers, {met.retries} requests sent again")
    typer.echo(f"answer time: median {1000 * median:.0f} ms, 95 % within {1000 * late:.0f} ms")


def _simulate(store: Store, population: Population, workers: int | None, seed: int) -> int:
    """Let people join until nothing is left; the number of people."""
    from semsynth.cli.progress import count_bar
    from semsynth.study.simulation import join_and_answer, simulated_workers

    wanted = len(store.plan.assignments) if workers is None else workers
    people = zip(range(wanted), simulated_workers(store.plan, population, seed), strict=False)
    with count_bar("answering") as bar:
        for number, person in people:
            if not join_and_answer(store, person, f"simulated-{seed}-{number:05d}"):
                return number
            bar(number + 1, wanted)
    return wanted


def _strengths(given: list[str], planned: Plan) -> dict[str, float]:
    found = {}
    for text in given:
        method, equals, value = text.partition("=")
        try:
            found[method] = float(value)
        except ValueError:
            equals = ""
        if not equals or method not in planned.methods:
            raise SemsynthError(f"--strength {text}: expected METHOD=LOGITS with one of {', '.join(planned.methods)}")
    return found


def open_store(study: Path, db: str | None) -> Store:
    """The answers of a study."""
    from semsynth.files import sha256
    from semsynth.study.database import DATABASE, Database
    from semsynth.study.plan import PLAN, load_plan
    from semsynth.study.store import Store

    planned = load_plan(study)
    return Store(Database(db or _sqlite_in(study, DATABASE)), planned, sha256(study / PLAN))


def _sqlite_in(study: Path, name: str) -> str:
    from semsynth.study.database import sqlite_url

    return sqlite_url(study / name)
