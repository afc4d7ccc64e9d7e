"""``history``: export, import or check the history of a gateway, also while the proxy runs."""

from __future__ import annotations

import argparse
import asyncio
import csv
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from proxy.config.cloud import cloud_mode
from proxy.config.console import OK, complain, load_or_exit, report_instead_of_logging, the_one
from proxy.core.clock import Clock
from proxy.core.zones import zone_of
from proxy.history import exporting, reading
from proxy.history.answers import days_csv
from proxy.history.database import FILE, Database
from proxy.history.days import day_of, iso
from proxy.history.importing.past import Importer, SourceError
from proxy.history.importing.progress import Bar
from proxy.history.query import BadQuery, parse
from proxy.history.schema import LEVELS, SIGNAL_LEVELS, TooNew
from proxy.history.writing import thin, used_bytes
from proxy.state.folder import folder_of
from proxy.state.store import StateStore

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.history.importing.cloud import Imported

_BEGINNING: Final = "2000-01-02"


def run(args: argparse.Namespace) -> int:
    """Do what the arguments say; returns the exit code."""
    settings = load_or_exit(needs_gateway=False).settings
    gateway = the_one(settings, args.gateway)
    path = Path(folder_of(settings.state_path, gateway.id), FILE)
    if not settings.state_path or (args.action != "import" and not path.exists()):
        return complain(f"there is no history: {path} does not exist. PW_STATE_PATH names its folder.")
    actions: dict[str, Callable[[argparse.Namespace, GatewaySettings, Path], int]] = {
        "check": _check,
        "export": _export,
        "import": _import_from_cloud if args.cloud else _import,
    }
    try:
        return actions[args.action](args, gateway, path)
    except (SourceError, BadQuery, TooNew) as exc:
        return complain(str(exc))
    except OSError as exc:
        return complain(f"{exc.filename or path}: {exc.strerror or exc}")
    except sqlite3.Error as exc:
        return complain(f"{path}: {exc}")


def _zone(db: sqlite3.Connection, gateway: GatewaySettings) -> tzinfo:
    """Return the zone of the site, as the recorder found it."""
    return zone_of(reading.meta(db, "zone") or gateway.timezone)


# -- check -----------------------------------------------------------------------------------------


def _check(_: argparse.Namespace, gateway: GatewaySettings, path: Path) -> int:
    """Read the whole file, and say what is in it. The file is not changed."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        try:
            found = [row[0] for row in db.execute("PRAGMA integrity_check(5)")]
        except sqlite3.DatabaseError as exc:
            found = [str(exc)]
        if found != ["ok"]:
            return complain(
                f"{path} is damaged: {'; '.join(found)}. The proxy puts it aside when it next starts."
            )
        zone, extent = _zone(db, gateway), reading.extent(db)
        lines = [f"{path}: ok, {used_bytes(db) / 1e6:.1f} MB"]
        if extent:
            lines.append(f"from {iso(extent[0], zone)} to {iso(extent[1], zone)}")
        tables = [*(level.table for level in (*LEVELS, *SIGNAL_LEVELS)), "energy", "alert", "outage"]
        lines += [f"{table:12} {_count(db, table):9,d} rows" for table in tables]
    sys.stdout.write("\n".join(lines) + "\n")
    return OK


def _count(db: sqlite3.Connection, table: str) -> int:
    return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


# -- export ----------------------------------------------------------------------------------------


def _export(args: argparse.Namespace, gateway: GatewaySettings, path: Path) -> int:
    """Write rows, or with ``--days`` energies, to a file or standard output."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        zone = _zone(db, gateway)
        until = {"to": args.until} if args.until else {}
        span = parse({"from": args.since or _BEGINNING, "step": "month", **until}, zone, time.time() + 1).span
        with _target(args.source, path) as target:
            if args.days:
                found = reading.days(db, day_of(span.begin, zone), day_of(span.end - 1, zone))
                target.writelines(days_csv((each.day.isoformat(), each) for each in found))
            else:
                writer = csv.writer(target, lineterminator="\r\n")
                writer.writerow(exporting.HEADS)
                writer.writerows(exporting.rows(db, span.begin, span.end, zone))
    return OK


@contextmanager
def _target(name: str | None, database: Path) -> Iterator[TextIO]:
    """Open standard output, or a file that is replaced when all is written: an earlier export is not lost before."""
    if name in {None, "-"}:
        yield sys.stdout
        return
    file = Path(str(name))
    if file.exists() and file.samefile(database):
        raise SourceError(f"{file} is the history itself: name another file.")
    is_replaced = file.is_file() or not file.exists()  # else it is a pipe or a device
    kept = file.resolve()  # a link stays one
    written = kept.with_name(f".{kept.name}.part") if is_replaced else file
    try:
        with written.open("w", encoding="utf-8", newline="") as target:
            yield target
        if is_replaced:
            if kept.exists():
                shutil.copymode(kept, written)
            written.replace(kept)
    except OSError as exc:
        raise OSError(exc.errno, exc.strerror, str(file)) from exc
    finally:
        if is_replaced:
            written.unlink(missing_ok=True)


# -- import ----------------------------------------------------------------------------------------


def _import(args: argparse.Namespace, gateway: GatewaySettings, path: Path) -> int:
    """Add what a file or a server has; what was recorded stays as it is."""
    if not args.source:
        raise SourceError("import needs a file, the URL of an InfluxDB or a pypowerwall-server, or --cloud.")
    database, now = Database(path), time.time()

    def work(db: sqlite3.Connection) -> Importer:
        zone = _zone(db, gateway)
        importer = Importer(db, zone)
        _read(args, gateway.id, importer, now, zone)
        importer.finish(now)
        thin(db, now)
        return importer

    try:
        importer = database.use(work)
    finally:
        database.close()
    sys.stdout.write(f"{importer.rows:,d} rows and {importer.days:,d} days were added.\n")
    return OK


def _import_from_cloud(args: argparse.Namespace, gateway: GatewaySettings, path: Path) -> int:
    """Add the days of Tesla's energy history that are not there; what was recorded stays as it is."""
    if not cloud_mode(gateway):
        raise SourceError("--cloud needs a sign-in: powerwall-proxy setup --mode fleet, owner or static.")
    if args.source:
        raise SourceError("--cloud reads the site of the settings; no file and no URL goes with it.")
    report_instead_of_logging()
    done = asyncio.run(_read_cloud(_day(args.since), gateway, path))
    sys.stdout.write(f"{done.rows:,d} rows and {done.days:,d} days were added.\n")
    return complain(done.ended, "The same command goes on from there.") if done.ended else OK


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as exc:
        raise SourceError(f"--from: {text!r} is no day, such as 2026-11-29.") from exc


async def _read_cloud(since: date | None, gateway: GatewaySettings, path: Path) -> Imported:
    from proxy.drivers.cloud.factory import make, options_of  # noqa: PLC0415 - only one source is needed
    from proxy.history.importing.cloud import Cloud  # noqa: PLC0415 - only one source is needed

    database, memory, clock = Database(path), StateStore(path.parent), Clock(time.monotonic, time.time)
    driver = make(replace(options_of(gateway), history=False), memory, clock)
    try:
        zone = database.use(lambda db: _zone(db, gateway))
        with Bar(zone) as bar:
            return await Cloud(driver, database, clock, zone).read(since, bar)
    finally:
        await driver.close()
        await memory.close()
        database.close()


def _read(args: argparse.Namespace, id_: str, importer: Importer, now: float, zone: tzinfo) -> None:
    from proxy.history.importing import file  # noqa: PLC0415 - only one source is needed
    from proxy.history.importing.influx import Influx  # noqa: PLC0415 - only one source is needed
    from proxy.history.importing.server import Server  # noqa: PLC0415 - only one source is needed
    from proxy.history.importing.web import Site  # noqa: PLC0415 - only one source is needed

    with Bar(zone) as bar:
        if not args.source.startswith(("http://", "https://")):
            file.read(Path(args.source), importer, now, bar)
        elif Site(args.source, path="").is_influx():
            Influx(args.source).read(importer, now, bar)
        else:
            Server(args.source, id_).read(importer, now, zone, bar)
