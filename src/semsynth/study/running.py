"""A study from the plan to the report: what ``semsynth study`` calls, each step by the study's folder."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from semsynth.config import override
from semsynth.data.folder import CLASSES_FILE, named_classes
from semsynth.data.progress import Progress, silent
from semsynth.errors import SemsynthError
from semsynth.serving import address, check_proxies, listen, make_server
from semsynth.study.analysis import analyse
from semsynth.study.database import check_there, sqlite_url
from semsynth.study.design import load_design
from semsynth.study.plan import StudyPlan
from semsynth.study.planning import Sources, make_study
from semsynth.study.presets import PRESETS
from semsynth.study.report import PAGE, write_report
from semsynth.study.results import StudyResults
from semsynth.study.simulation import Population, default_strengths, join_and_answer, simulated_workers
from semsynth.study.store import open_store
from semsynth.study.tables import ROBOT

SIMULATED = "simulated.sqlite"
"""Where simulated people's answers go, in the study's folder."""


def plan_study(
    design: str,
    methods: Mapping[str, Path],
    out: Path,
    *,
    real: Path | None = None,
    layouts: Path | None = None,
    classes: str | None = None,
    common: bool = False,
    seed: int | None = None,
) -> tuple[StudyPlan, list[str]]:
    """Plan a study and write its folder: pairs matched by name, everything balanced and drawn from a seed.

    Args:
        design: a preset, or the path of a ``DESIGN.yaml``.
        methods: name -> folder of its pictures.
        out: the study's folder, to be made.
        real: folder of the real photos.
        layouts: folder of the label maps.
        classes: a ``classes.json`` or a built-in class set. None: that of the layouts' dataset folder, if they lie in
            one; else they are shown as they are.
        common: whether to leave out names that a folder lacks.
        seed: replaces the design's seed.

    Returns:
        The plan, and notes on what was left out.

    Raises:
        SemsynthError: as :func:`semsynth.study.planning.make_study`.
    """
    chosen = load_design(design, PRESETS)
    if seed is not None:
        chosen = override(chosen, [f"seed={seed}"])
    meaning = None
    if classes is not None or layouts is not None:
        described = (layouts or Path()).absolute().parent.parent  # DIR/SPLIT/labels
        if classes is not None or (described / CLASSES_FILE).is_file():
            meaning = named_classes(classes, described)
    return make_study(Sources(methods, real, layouts, meaning, common), chosen, out)


def serve_study(
    study: Path,
    *,
    db: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8010,
    completion_code: str | None = None,
    joins_per_minute: int = 3,
    proxies: Collection[str] = (),
    ready: Callable[[str, str], None] = lambda address, token: None,
) -> None:
    """Serve the study's pages to participants and to its operator, until Ctrl-C.

    Args:
        study: its folder.
        db: as in :func:`semsynth.study.store.open_store`.
        host: address to listen on.
        port: 0 takes any free one.
        completion_code: one code for everybody. None: a unique code per participant.
        joins_per_minute: how many new participants one address may bring in a minute.
        proxies: addresses from which proxies ask; limits then count the clients that they name.
        ready: called with the server's address and the operator's token.

    Raises:
        SemsynthError: no such study, a port that is taken, or a database that cannot be used.
    """
    from semsynth.study.server.app import LIMITS, create_app, error_body
    from semsynth.study.server.keys import load_keys
    from semsynth.study.server.places import JoinRate

    check_proxies(proxies)
    store, keys = open_store(study, db), load_keys(study)
    if store.simulated:
        raise SemsynthError(f"`db={db}` holds simulated answers: people's need another database")
    with listen(host, port, backlog=2048) as opened:
        ready(address(host, opened), keys.operator)
        application = create_app(study, store, keys, completion_code, JoinRate(joins_per_minute))
        make_server(application, LIMITS, error_body, proxies).run(sockets=[opened])


def analyse_study(
    study: Path, out: Path, *, db: str | None = None, simulated: bool = False, seed: int = 0
) -> tuple[StudyResults, Path]:
    """Analyse the answers and write a report: preferences with intervals and p-values, exclusions, ranking, agreement.

    Robots' answers are left out, unless the database is one of a simulation.

    Args:
        study: its folder.
        out: the report's folder; made if missing.
        db: as in :func:`semsynth.study.store.open_store`.
        simulated: analyse the answers of ``semsynth study simulate`` instead, in the folder.
        seed: of the bootstrap.

    Returns:
        The results, and the report's page.

    Raises:
        SemsynthError: no such study or database, or no usable answers yet.
    """
    made = study / SIMULATED
    if simulated and not made.is_file():
        raise SemsynthError(f"{study} has no simulated answers: semsynth study simulate {study}")
    store = open_store(study, sqlite_url(made) if simulated else check_there(db))
    answers, robots = store.answers(), store.progress().robots
    if not answers and made.is_file() and not store.simulated:
        raise SemsynthError(
            f"study '{store.plan.design.name}': no usable answers yet: wait for people's, or "
            "analyse the simulated ones with `simulated`"
        )
    results = analyse(store.plan, answers, seed)
    results = results.model_copy(update={"simulated": store.simulated, "robots": 0 if store.simulated else robots})
    write_report(results, store.plan, study, out)
    return results, out / PAGE


def population(
    plan: StudyPlan, strengths: Mapping[str, float], careless: float, biased: float, dropout: float
) -> Population:
    """Simulated people; ``strengths`` change the defaults of single methods.

    Raises:
        SemsynthError: a method that is not in the study.
    """
    for method in strengths:
        if method not in plan.methods:
            raise SemsynthError(f"`strengths={method}`: the study has no such method; it has {', '.join(plan.methods)}")
    return Population(default_strengths(plan) | dict(strengths), careless, biased, dropout=dropout)


def simulate_study(
    study: Path,
    people: Population,
    *,
    db: str | None = None,
    workers: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> int:
    """Let simulated people join and answer until nothing is left.

    Args:
        study: its folder.
        people: who they are.
        db: where answers go. None: ``simulated.sqlite`` in the folder.
        workers: how many people. None: one per assignment.
        seed: draws people and answers.
        progress: called with (people done, all).

    Returns:
        How many answered.

    Raises:
        SemsynthError: no such study, or a database that is not one of simulated answers.
    """
    store = open_store(study, db or sqlite_url(study / SIMULATED), simulated=True)
    wanted = len(store.plan.assignments) if workers is None else workers
    joining = zip(range(wanted), simulated_workers(store.plan, people, seed), strict=False)
    for number, person in joining:
        if not join_and_answer(store, person, f"{ROBOT}{seed}-{number:05d}"):
            return number
        progress(number + 1, wanted)
    return wanted
