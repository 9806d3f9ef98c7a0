"""`edge-infer webcam`: a live feed, answered frame by frame."""

import signal
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

import click

from edge_infer.cli.displays import open_displays, parse_address, parse_host_names
from edge_infer.cli.interrupts import calling_on_signals
from edge_infer.cli.number_range import NumberRange
from edge_infer.cli.options import ChosenModel, model_options
from edge_infer.cli.writers import one_line
from edge_infer.webcam.defaults import RETRIES, SMOOTHING_S, TIMEOUT_S

if TYPE_CHECKING:
    from edge_infer.webcam.camera.sources import SourceSpec
    from edge_infer.webcam.view import Command

_PIXELS = click.IntRange(1, 16384)
_SECONDS = NumberRange(min=0, min_open=True)


def _video_path(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    if value is None:
        return None
    from edge_infer.webcam.recording import CODECS

    if value.suffix.lower() not in CODECS:
        raise click.BadParameter(f"a recording is a file that ends in {' or '.join(CODECS)}.", context, parameter)
    return value


@click.command()
@click.option(
    "--source", default="0", show_default=True, help="Camera number, video file, folder of pictures, or rtsp/http URL."
)
@model_options
@click.option(
    "--http", metavar="HOST:PORT", callback=parse_address, help="Serve a page to watch the feed in a browser."
)
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="NAME",
    callback=parse_host_names,
    help="Another name that the page is reached by; may be repeated.",
)
@click.option("--jsonl", metavar="FILE", help="Append a JSON record per answered frame; - for stdout.")
@click.option(
    "--record",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_video_path,
    help="Record what is shown (.mp4 or .avi).",
)
@click.option(
    "--snapshot-dir",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where snapshots go, and recordings begun later; default: the current folder.",
)
@click.option("--no-display", is_flag=True, help="Open no window.")
@click.option("--frames", type=click.IntRange(min=1), metavar="N", help="Stop after N answered frames.")
@click.option("--seconds", type=_SECONDS, metavar="S", help="Stop after S seconds.")
@click.option("--width", type=_PIXELS, help="Ask the camera for frames of this width.")
@click.option("--height", type=_PIXELS, help="Ask the camera for frames of this height.")
@click.option(
    "--fps",
    type=NumberRange(0.1, 1000),
    help="Frames per second to ask the camera for, or to play a video or folder at.",
)
@click.option("--rotate", type=click.Choice(["90", "180", "270"]), help="Turn the picture clockwise, in degrees.")
@click.option("--mirror", is_flag=True, help="Turn the picture left to right, as in a mirror.")
@click.option("--loop", is_flag=True, help="Begin a video or folder again when it ends.")
@click.option("--every-frame", is_flag=True, help="Drop no frame of a video or folder, however long each takes.")
@click.option(
    "--smoothing",
    type=NumberRange(0, 60),
    metavar="S",
    help=f"Smooth scores over S seconds; default: {SMOOTHING_S:g}, and 0 (not at all) for a folder of unlike pictures.",
)
@click.option(
    "--timeout",
    type=NumberRange(0.1, 86400),
    default=TIMEOUT_S,
    show_default=True,
    metavar="S",
    help="Seconds a camera may take to open, and to give a new picture.",
)
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    default=RETRIES,
    show_default=True,
    help="How often in a row to open a lost camera again.",
)
@click.option("--list", "list_only", is_flag=True, help="List the cameras and exit.")
@click.pass_context
def webcam(
    context: click.Context,
    source: str,
    chosen: ChosenModel,
    http: tuple[str, int] | None,
    allow_hosts: frozenset[str],
    jsonl: str | None,
    record: Path | None,
    snapshot_dir: Path,
    no_display: bool,
    frames: int | None,
    seconds: float | None,
    width: int | None,
    height: int | None,
    fps: float | None,
    rotate: str | None,
    mirror: bool,
    loop: bool,
    every_frame: bool,
    smoothing: float | None,
    timeout: float,
    retries: int,
    list_only: bool,
) -> None:
    """Say what a camera sees, live.

    It is shown in a window where there is a display, on a page with --http, and as records with
    --jsonl. Keys in the window: q quit, s snapshot, r record, t turn, e why (where the
    model looked; on the page too), space pause. Needs the webcam extra: pip install 'edge-infer[webcam]'.
    """
    from edge_infer.cli.record_stream import RecordStream
    from edge_infer.pictures.turning import as_turn
    from edge_infer.webcam.answers.video_classifier import VideoClassifier
    from edge_infer.webcam.camera.capture import Capture
    from edge_infer.webcam.camera.devices import ask_for_permission
    from edge_infer.webcam.camera.sources import SourceOptions, find_source, open_source
    from edge_infer.webcam.live import LiveFeed, LiveOptions
    from edge_infer.webcam.opencv import load_cv2

    load_cv2()
    if list_only:
        _list_cameras()
        return
    spec = find_source(source)
    _check_options(context, spec)
    if spec.kind == "folder":
        _note_left_out(spec.address)
    if spec.kind == "camera":
        ask_for_permission(int(spec.address))
    options = SourceOptions(width=width, height=height, fps=fps, timeout_s=timeout, loop=loop)
    commands: SimpleQueue[Command] = SimpleQueue()
    with ExitStack() as stack:
        received = stack.enter_context(calling_on_signals(lambda: commands.put("quit")))
        displays = list(open_displays(stack, commands, http, allow_hosts, no_display, _note))
        if not displays and jsonl is None and record is None and not no_display:
            raise click.UsageError(
                "no display was found for a window: watch with --http 8080, or give --jsonl, --record or --no-display"
            )
        capture = stack.enter_context(
            Capture(
                lambda: open_source(spec, options),
                name=spec.title,
                every_frame=every_frame,
                timeout_s=timeout,
                retries=retries,
            )
        )
        # The next frame is another look.
        classifier = chosen.load(context, spinning=False, second_look="never")
        if smoothing is None:
            smoothing = 0 if spec.kind == "folder" else SMOOTHING_S
        records = None if jsonl is None else stack.enter_context(RecordStream(jsonl, chosen.top))
        feed = LiveFeed(
            capture,
            VideoClassifier(classifier, smoothing),
            commands,
            displays,
            LiveOptions(
                turn=as_turn(rotate),
                mirror=mirror,
                frames=frames,
                seconds=seconds,
                record=record,
                keep_in=snapshot_dir,
            ),
            source=spec.name,
            on_answer=(lambda _: None) if records is None else records.put,
            is_taken=(lambda: True) if records is None else records.is_taken,
            on_note=_note,
        )
        status = feed.run()
    _note(
        f"{status.answered} frames answered, {status.counts.dropped} dropped, {status.counts.bad} bad, "
        f"{status.counts.faults} camera faults"
    )
    if signal.SIGINT in received:
        raise click.Abort


def _check_options(context: click.Context, spec: "SourceSpec") -> None:
    """Refuse options that the source would ignore."""
    fitting = {
        "width": ("camera",),
        "height": ("camera",),
        "fps": ("camera", "video", "folder"),
        "loop": ("video", "folder"),
        "every_frame": ("video", "folder"),
    }
    for name, kinds in fitting.items():
        if context.params[name] not in (None, False) and spec.kind not in kinds:
            option = name.replace("_", "-")
            raise click.UsageError(f"--{option} is for a {' or '.join(kinds)}, and {spec.name} is a {spec.kind}")
    if context.params["allow_hosts"] and context.params["http"] is None:
        raise click.UsageError("--allow-host is for the page, which --http serves")


def _note_left_out(folder: str) -> None:
    from edge_infer.pictures.finding.folders import look_through, summarize

    content = look_through(folder)
    for line in summarize(content.left_out) if content.images else ():  # without a picture, the error says it
        _note(f"Note: {folder}: {line}")


def _list_cameras() -> None:
    from edge_infer.webcam.camera.devices import list_cameras

    is_empty = True
    for camera in list_cameras():
        is_empty = False
        rate = f", {camera.fps:g} fps" if camera.fps else ""
        click.echo(one_line(f"{camera.index}  {camera.name or 'camera'}, {camera.width}x{camera.height}{rate}"))
    if is_empty:
        _note("No camera can be opened here.")


def _note(text: str) -> None:
    click.echo(one_line(text), err=True)
