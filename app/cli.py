"""The command line: serve, make, fetch. Imports what a command needs only when it runs."""

import argparse
import asyncio
import gc
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from app.errors import MusicError
from app.models.access import DEFAULT_SCOPES, SCOPES
from app.models.track import FORMS

if TYPE_CHECKING:
    from app.config import Settings
    from app.models.asked import Asked
    from app.services.jobs.companion import Companion


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given.insert(0, "serve")
    options = make_parser().parse_args(given)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except MusicError as error:
        return _complain(error.detail)
    except ValidationError as error:  # of the settings: a command takes no other model
        return _complain("; ".join(f"{_variable(str(e['loc'][0]))}: {e['msg']}" for e in error.errors()))
    except KeyboardInterrupt:
        return 130


def _variable(setting: str) -> str:
    """The variable that holds a setting, which is named by its field or, where it has several names, by one of them.

    >>> _variable("heartbeat"), _variable("MUSIC_DRAIN")
    ('MUSIC_HEARTBEAT', 'MUSIC_DRAIN')
    """
    return "MUSIC_" + setting.upper().removeprefix("MUSIC_")


def _complain(detail: str) -> int:
    print(f"error: {detail}", file=sys.stderr)  # noqa: T201 - a command line speaks by printing
    return 2


def make_parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    parser = argparse.ArgumentParser(prog="run.py", description="A sentence in, a finished track out.")
    commands = parser.add_subparsers(
        title="commands", required=True, metavar="{serve,worker,make,migrate,backup,restore,keys,install,fetch}"
    )

    serve = commands.add_parser("serve", help="serve the API (the default command)")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument("--port", type=_port, default=8000, help="port to listen on, 0 for any (default: %(default)s)")
    serve.add_argument("--reload", action="store_true", help="restart when the code changes, for development")
    serve.add_argument(
        "--no-workers", action="store_true", help="on a shared PostgreSQL: make no music here, as with MUSIC_WORKERS=0"
    )
    serve.set_defaults(run=_serve)

    worker = commands.add_parser("worker", help="make what the API nodes of a shared PostgreSQL accept")
    worker.add_argument(
        "--engines", default="", help="engines or models, comma-separated (default: all that are ready)"
    )
    worker.add_argument("--concurrency", type=_count, help="tracks at once (default: MUSIC_WORKERS)")
    worker.add_argument("--beside", action="store_true", help=argparse.SUPPRESS)  # goes when its input is closed
    worker.set_defaults(run=_worker)

    migrate = commands.add_parser("migrate", help="bring the database's tables up to date")
    migrate.add_argument(
        "--from", dest="old", type=Path, metavar="FOLDER",
        help="data folder of a SQLite installation to move to MUSIC_DATABASE_URL, tracks and files",
    )  # fmt: skip
    migrate.set_defaults(run=_migrate)

    backup = commands.add_parser("backup", help="copy what a server of one machine keeps, while it runs")
    backup.add_argument("folder", type=Path, help="where to; what is there already is not copied again")
    backup.set_defaults(run=_back_up)

    restore = commands.add_parser("restore", help="put a backup back, once the server has ended")
    restore.add_argument("folder", type=Path, help="what backup wrote")
    restore.set_defaults(run=_restore)

    keys = commands.add_parser("keys", help="API keys, for servers with MUSIC_AUTH=keys")
    verbs = keys.add_subparsers(title="what to do", required=True, metavar="{create,list,secret,revoke}")
    create = verbs.add_parser("create", help="make a key, and show it this once")
    create.add_argument("name", help="what to call it")
    create.add_argument(
        "--scopes", default=",".join(DEFAULT_SCOPES), help=f"some of {', '.join(SCOPES)} (default: %(default)s)"
    )
    create.add_argument("--expires", metavar="AGE", help="90d, 12h … (default: never)")
    create.add_argument(
        "--webhook-url", metavar="URL", help="whom its tracks tell that they are finished, where a request names nobody"
    )
    create.set_defaults(run=_create_key)
    listing = verbs.add_parser("list", help="the keys there are")
    listing.add_argument("--json", action="store_true", help="for programs: what GET /admin/keys answers")
    listing.set_defaults(run=_list_keys)
    secret = verbs.add_parser("secret", help="what webhooks are signed with")
    secret.add_argument("key_id", nargs="?", help="of a key's (default: of servers without keys)")
    secret.set_defaults(run=_show_secret)
    revoke = verbs.add_parser("revoke", help="let a key open nothing any more")
    revoke.add_argument("key_id", help="its id, as list shows it")
    revoke.set_defaults(run=_revoke_key)

    make = commands.add_parser("make", help="make one track without a server")
    make.add_argument("prompt", help="the music in words")
    make.add_argument("--duration", type=int, help="seconds, 5 to 300 (default: the plan's, else 30)")
    make.add_argument("--out", type=Path, help=f"file to write; its ending chooses the form: {', '.join(FORMS)}")
    make.add_argument("--seed", type=int, help="the same seed gives the same bytes (default: the plan's, else drawn)")
    make.add_argument("--model", help="engine (default: MUSIC_MODEL, else composer)")
    fields = make.add_argument_group("what outranks the words")
    fields.add_argument("--tempo", dest="tempo_bpm", metavar="BPM", help="beats a minute, 30 to 300")
    fields.add_argument("--key", help="F#m, 'D dorian', Bb …")
    fields.add_argument("--metre", dest="time_signature", help="4/4, 3/4, 6/8 …")
    fields.add_argument("--genre", help="a genre or sub-genre")
    fields.add_argument("--mood", dest="moods", action="append", help="a mood; may be given again")
    fields.add_argument(
        "--with", dest="instruments", metavar="INSTRUMENT", action="append", help="who must play; may be given again"
    )
    fields.add_argument(
        "--without", dest="exclude_instruments", metavar="INSTRUMENT", action="append", help="who must not play"
    )
    fields.add_argument("--loop", action="store_const", const=True, help="join the end to the beginning")
    fields.add_argument(
        "--loudness", dest="loudness_lufs", metavar="LUFS", help="of the master, -30 to -8 (default: -14)"
    )
    fields.add_argument("--plan", type=Path, help="a plan.json to play, edited or not")
    make.set_defaults(run=_make)

    install = commands.add_parser("install", help="install what an engine needs: install riffusion --cpu")
    install.add_argument("engine")
    install.add_argument("--cpu", action="store_true")
    install.set_defaults(run=_install)

    fetch = commands.add_parser("fetch", help="fetch a model's weights, or go on where that ended")
    fetch.add_argument("model", help="a model of the catalogue")
    fetch.set_defaults(run=_fetch)
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, got {text!r}")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"a number from 1 to 64, got {text!r}")
    return int(text)


def _worker(options: argparse.Namespace) -> int:
    from app.config import Settings
    from app.utils.logs import set_up_logs
    from app.worker import work

    settings = Settings()
    set_up_logs(level=settings.log_level, form=settings.log_format)
    names = [name.strip() for name in options.engines.split(",") if name.strip()]
    return asyncio.run(work(settings, names, options.concurrency, beside=options.beside, say=_say))


def _migrate(options: argparse.Namespace) -> int:
    from app.config import Settings
    from app.upkeep import migrate, move_in

    if options.old is not None:
        count = move_in(Settings(), options.old.resolve())
        _say(f"{count} tracks moved, with their files; {options.old} stays as it is")
    _say(f"{migrate(Settings())} is up to date")
    return 0


def _back_up(options: argparse.Namespace) -> int:
    from app.config import Settings
    from app.upkeep import make_backup

    copied = make_backup(Settings(), options.folder.resolve())
    _say(f"{options.folder} holds the database as it now stands, and all of its files ({copied} copied now)")
    return 0


def _restore(options: argparse.Namespace) -> int:
    from app.config import Settings
    from app.upkeep import restore

    settings = Settings()
    aside = restore(settings, options.folder.resolve())
    put = "" if aside is None else f"; the database that was there is {aside}"
    _say(f"{settings.data_dir} is what {options.folder} is{put}")
    return 0


def _create_key(options: argparse.Namespace) -> int:
    from app.config import Settings, parse_age_s
    from app.wiring import check_hook_of_key, opened_access

    settings = Settings()
    try:
        life_s = parse_age_s(options.expires or "0")
    except ValueError as error:
        raise MusicError(f"--expires: {error}") from error
    scopes = [scope.strip() for scope in options.scopes.split(",") if scope.strip()]
    if options.webhook_url is not None:
        check_hook_of_key(settings, options.webhook_url)
    with opened_access(settings) as access:
        key, text = access.make_key(
            options.name, scopes, None if life_s == float("inf") else life_s, webhook_url=options.webhook_url
        )
    print(f"{key.id} ({', '.join(key.scopes)}) is made. Nobody can see it again; keep it:", file=sys.stderr)  # noqa: T201
    _say(text)
    return 0


def _list_keys(options: argparse.Namespace) -> int:
    from app.config import Settings
    from app.models.keys import KeyList, record_of
    from app.utils.columns import in_columns
    from app.wiring import opened_access

    with opened_access(Settings()) as access:
        keys = access.keyring.all()
    if options.json:
        _say(KeyList(keys=[record_of(key) for key in keys]).model_dump_json(indent=2))
        return 0
    rows = [
        (
            key.id,
            ",".join(key.scopes),
            "revoked" if key.revoked_at else f"{key.expires_at:%Y-%m-%d}" if key.expires_at else "never",
            f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never",
            key.name,
            key.webhook_url or "-",
        )
        for key in keys
    ]
    for line in in_columns(("ID", "SCOPES", "EXPIRES", "LAST USED", "NAME", "TELLS"), rows):
        _say(line)
    return 0


def _show_secret(options: argparse.Namespace) -> int:
    from app.config import Settings
    from app.wiring import webhook_secret

    _say(webhook_secret(Settings(), options.key_id))
    return 0


def _revoke_key(options: argparse.Namespace) -> int:
    from app.config import Settings
    from app.wiring import opened_access

    with opened_access(Settings()) as access:
        key = access.keyring.revoke(options.key_id)
        access.write_down("key.revoked", key.id)
    _say(f"{key.id} is revoked: {key.name}")
    return 0


def _serve(options: argparse.Namespace) -> int:
    import uvicorn

    from app.config import Settings
    from app.utils.logs import set_up_logs

    settings = Settings()
    set_up_logs(level=settings.log_level, form=settings.log_format)
    if options.reload:
        _announce(options.host, options.port)
        uvicorn.run(
            "app.main:app", host=options.host, port=options.port, reload=True, log_config=None, proxy_headers=False
        )
        return 0
    return asyncio.run(_serve_here(options.host, options.port, settings, workers=not options.no_workers))


async def _serve_here(host: str, port: int, settings: "Settings", *, workers: bool) -> int:
    """Serve until a signal ends it. A data folder in use is said before a port is taken."""
    gc.disable()  # what is loaded stays: to look for rubbish in it meanwhile takes a sixth of the time until it serves
    import uvicorn

    from app.main import create_app
    from app.wiring import make_service

    service = make_service(settings)
    await service.start()
    # A plan is made beside the event loop, which gets the interpreter back after this long: with Python's 5 ms, half of
    # all status answers took 6 to 10 ms while plans were made without pause, with 1 ms they take 4.
    sys.setswitchinterval(0.001)
    gc.collect()
    gc.freeze()  # a full collection over all that is loaded would hold up requests for 60 ms
    gc.enable()
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings, service),
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            **_bounds(settings),
            proxy_headers=False,  # the application believes the proxies that MUSIC_TRUSTED_PROXIES names, and no other
        )
    )
    # uvicorn passes a signal on to whoever listened before it. By default that ends the program at once, and what is
    # still to be put away (the worker beside, traces not sent yet) with it.
    ended_by: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: ended_by.append(number))
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        listening = server.servers[0].sockets[0].getsockname()
        _announce(host, listening[1])
    companion = _worker_beside(settings) if server.started and workers else None
    working = None if companion is None else asyncio.create_task(companion.run())
    await serving
    if companion is not None and working is not None:
        companion.stop()
        await working
    await service.close()
    if signal.SIGINT in ended_by:
        return 130
    return 0 if server.started else 1


def _bounds(settings: "Settings") -> dict[str, Any]:
    """What uvicorn is told of connections."""
    try:
        from app.routers.connections import bounded
    except ImportError:  # PyPy has no httptools; h11 bounds the bytes of heads by itself, and nobody their time
        return {"limit_concurrency": settings.max_connections or None}
    protocol = bounded(
        most_connections=settings.max_connections,
        header_timeout_s=settings.header_timeout,
        reader_timeout_s=settings.reader_timeout,
    )
    return {"http": protocol}


def _worker_beside(settings: "Settings") -> "Companion | None":
    """What makes the music of a shared queue beside its API, in a process of its own; None where nothing should."""
    from app.config import HOME
    from app.services.jobs.companion import Companion

    if settings.server is None or settings.workers == 0:
        return None
    # The folder that the user stands in may hold an `app` of its own.
    begin = "import sys; sys.path[0] = sys.argv.pop(1); from app.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", begin, str(HOME), "worker", "--beside"]
    return Companion(command, patience_s=settings.drain + 30)


def _announce(host: str, port: int) -> None:
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    address = f"http://{shown}:{port}"
    print(  # noqa: T201
        f"\n  Music AI Generator Backend\n\n"
        f"  Studio   {address}/studio\n  API      {address}\n  Docs     {address}/docs\n  Health   {address}/health\n\n"
        f"  Ctrl+C stops it.\n",
        flush=True,
    )


def _make(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from app.config import Settings
    from app.single import make_one_track

    form = _form_of(options.out) if options.out else "mp3"
    asked = _asked_of(options)
    with (
        tempfile.TemporaryDirectory(prefix="music-") as folder,
        tqdm(total=100, unit="%", bar_format="{desc:<11}{bar:40}{percentage:4.0f} %", file=sys.stderr) as bar,
    ):

        def show(stage: str, percent: int) -> None:
            bar.set_description_str(stage, refresh=False)
            bar.update(percent - bar.n)

        made = make_one_track(
            Settings(),
            options.prompt,
            options.duration,
            form=form,
            seed=options.seed,
            model=options.model,
            asked=asked,
            show=show,
            below=Path(folder),
        )
        out = options.out or Path(made.file_name)
        _move(made.path, out)
    print(f"{out}  ({made.duration} s, seed {made.seed})")  # noqa: T201
    return 0


def _install(options: argparse.Namespace) -> int:
    # An environment is changed from outside of it.
    raise MusicError(f"run.py itself installs: python3 run.py install {options.engine}")


def _fetch(options: argparse.Namespace) -> int:
    from app.config import Settings
    from app.upkeep import fetch_model

    folder = fetch_model(Settings(), options.model, bar=_bytes_bar, say=_say)
    _say(f"{options.model} is here: {folder}")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command line speaks by printing


@contextmanager
def _bytes_bar(total: int) -> Iterator[Callable[[int], None]]:
    """A bar that goes on by the bytes it is told."""
    from tqdm import tqdm

    with tqdm(total=total, unit="B", unit_scale=True, dynamic_ncols=True, file=sys.stderr) as bar:

        def come(count: int) -> None:
            bar.update(count)

        yield come


def _asked_of(options: argparse.Namespace) -> "Asked | None":
    from app.models.asked import Asked, asked_of

    fields = {name: getattr(options, name, None) for name in Asked.model_fields}
    if options.plan is not None:
        try:
            fields["plan"] = json.loads(options.plan.read_text(encoding="utf-8"))
        except OSError as error:
            raise MusicError(f"Cannot read {options.plan}: {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:
            raise MusicError(f"{options.plan} is not JSON") from error
    return asked_of(fields)


def _form_of(path: Path) -> str:
    form = next((form for form in FORMS if path.name.lower().endswith(f".{form}")), None)
    if form is None:
        raise MusicError(f"--out must end in one of {', '.join('.' + form for form in FORMS)}; got {path.name!r}")
    return form


def _move(source: Path, target: Path) -> None:
    """Put a finished file in place, whole or not at all."""
    beside = target.with_name(f".{target.name}.part")
    try:
        shutil.move(source, beside)
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise MusicError(f"Cannot write {target}: {error.strerror or error}") from error


if __name__ == "__main__":
    sys.exit(main())
