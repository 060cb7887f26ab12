"""``semsynth synthesize``: label maps in, photos out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from semsynth.cli import bulk, large
from semsynth.cli.last_net import interruptible
from semsynth.cli.options import Device, InferencePrecision, SynthesisModel, parse_region_seeds, parse_size
from semsynth.cli.progress import Notes, stage_bars
from semsynth.errors import SemsynthError


def synthesize(
    maps: Annotated[
        list[Path],
        typer.Argument(metavar="MAP.png...", help="Label maps, or folders of them.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the photos; made if missing.", show_default=False)],
    model: SynthesisModel = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Draws the style (default: 0).")] = None,
    style: Annotated[
        Path | None, typer.Option("--style", "--style-photo", help="Photo to take the style from, instead of a seed.")
    ] = None,
    object_styles: Annotated[
        Path | None,
        typer.Option(metavar="STYLES.json", help='Styles of objects by instance id: {"26003": 4, "26001": "car.png"}.'),
    ] = None,
    styles: Annotated[Path | None, typer.Option(metavar="STYLES.json", hidden=True)] = None,
    region_seed: Annotated[
        list[str] | None,
        typer.Option(metavar="REGION=SEED", help="Other noise for a class (name or id) or instance id (OASIS)."),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000,
            help="Photos of each map, with seeds SEED, SEED + 1, ..., or all that a model makes at once (default: 1).",
        ),
    ] = None,
    instances: Annotated[
        Path | None, typer.Option(help="Folder of instance maps named like the label maps, or the file for one map.")
    ] = None,
    contact_sheet: Annotated[
        bool, typer.Option("--contact-sheet", help="Also write contact_sheet.png: layouts and photos side by side.")
    ] = False,
    sources: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Also list the training photos whose pixels each photo shows (SIMS)."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace photos of these names that are in the folder already.")
    ] = False,
    strict_size: Annotated[
        bool, typer.Option("--strict-size", help="Refuse maps of a size that the model cannot make.")
    ] = False,
    size: Annotated[
        str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Size of the photos (default: that of the map).")
    ] = None,
    tile: large.TileOption = None,
    form: large.FormatOption = None,
    device: Device = "auto",
    precision: InferencePrecision = "auto",
    engine: bulk.EngineOption = None,
    workers: bulk.WorkersOption = None,
    address: bulk.AddressOption = None,
    gpus: bulk.GpusOption = None,
    limit: bulk.LimitOption = None,
    shard_size: bulk.ShardSizeOption = None,
    segmenter: bulk.SegmenterOption = None,
    mapping: bulk.MappingOption = None,
    min_faithfulness: bulk.MinFaithfulnessOption = None,
    tries: bulk.TriesOption = None,
    ignore_below: bulk.IgnoreBelowOption = None,
) -> None:
    """Turn label maps into photos.

    Label maps are PNG files: class ids in 8 bit (255 is void) or 16 bit (65535 is void), palette PNGs, or RGB
    in the class set's colours. Models that were trained on edge maps take such pictures instead. Every map is
    checked before the first photo is written, and no photo is replaced without --overwrite. Photos that do not fit
    into memory are made in tiles.
    """
    if styles is not None:
        typer.echo("note: --styles is now called --object-styles; the old name will be removed", err=True)
    wanted, object_styles = None if size is None else parse_size(size), object_styles or styles
    how: dict[str, Any] = {  # what both ways of synthesis take
        "style": style,
        "seed": seed,
        "region_seeds": parse_region_seeds(region_seed or ()),
        "count": count,
        "size": wanted,
        "strict_size": strict_size,
        "instances": instances,
        "device": device,
        "precision": precision,
    }
    of_engines: dict[str, Any] = {
        "limit": limit,
        "shard_size": shard_size,
        "segmenter": segmenter,
        "mapping": mapping,
        "min_faithfulness": min_faithfulness,
        "tries": tries,
        "ignore_below": ignore_below,
    }
    named = {f"--{name.replace('_', '-')}": value for name, value in of_engines.items()}
    alone = {"--object-styles": object_styles, "--contact-sheet": contact_sheet, "--sources": sources}
    at_once = {**alone, "--region-seed": region_seed, "--instances": instances}
    if tile is None and engine is None and form is None and not any(at_once.values()):
        tile = large.tile_where_needed(maps, model, wanted, device)
    if tile is not None:
        large.refuse({**at_once, **named})
        for name in ("region_seeds", "instances"):
            del how[name]
        by = engine or "local", workers, address, gpus
        large.synthesize(maps, out, model, by, tile=tile, form=form or "png", overwrite=overwrite, **how)
        return
    if form is not None:
        raise SemsynthError("--format is for pictures that are made in tiles: give --tile, too")
    if engine is not None:
        bulk.refuse(True, {**alone, "--overwrite": overwrite})
        bulk.synthesize(maps, out, model, engine, workers, address, gpus, **of_engines, **how)
        return
    bulk.refuse(False, {"--workers": workers, "--address": address, "--gpus": gpus, **named})
    from semsynth.synthesizer import DEFAULT_MODEL
    from semsynth.synthesizer.photo_files import synthesize_files

    go_on = (
        f"photos that are finished are in {out}: the same command with --overwrite makes all of them again, and with "
        "--engine local, in a new folder, it can be interrupted and resumed"
    )
    with interruptible(go_on), Notes() as notes, stage_bars() as bars:
        done = synthesize_files(
            maps,
            out,
            model or DEFAULT_MODEL,
            object_styles=object_styles,
            contact_sheet=contact_sheet,
            sources=sources,
            overwrite=overwrite,
            progress=bars,
            tell=notes.tell,
            **how,
        )
    typer.echo(f"{len(done.photos)} photo{'s' if len(done.photos) > 1 else ''} in {out}")
    if done.contact_sheet is not None:
        typer.echo(f"contact sheet: {done.contact_sheet}")
    if done.left_out:
        typer.echo(f"note: the sheet has no room for the last {done.left_out} maps", err=True)
