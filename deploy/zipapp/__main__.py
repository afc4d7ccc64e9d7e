"""What ``powerwall-proxy.pyz`` runs: unpack the wheels that fit this Python, then start the program in them.

Compiled modules cannot be loaded from inside an archive. The folder they are unpacked to, in the user's
cache, is named after their content and made once. Any Python 3 can read this file, so that one that is too
old ends with a sentence.
"""

import atexit
import json
import os
import platform
import shutil
import stat
import sys
import tempfile
import zipfile

LOWEST = (3, 11)
EX_UNAVAILABLE = 69  # sysexits.h: nothing that the settings could change
ARCHIVE = os.path.dirname(os.path.abspath(__file__))


def main():
    if sys.version_info < LOWEST:
        return refuse("Python %d.%d or newer is needed; this is %d.%d." % (LOWEST + sys.version_info[:2]))
    with zipfile.ZipFile(ARCHIVE) as archive:
        targets = json.loads(archive.read("targets.json"))
        this = target()
        if this not in targets:
            return refuse(
                "this file has no compiled modules for %s, only for %s. Install the program with pipx instead."
                % (this, ", ".join(sorted(targets)))
            )
        try:
            folder = unpacked(archive, targets[this])
        except OSError as exc:
            return refuse("the modules inside cannot be unpacked: %s." % exc)
    sys.path[0] = folder
    from proxy.__main__ import main as run  # it is in the folder

    return run()


def target():
    """Name this Python as the table of targets does: cp311-linux-glibc-x86_64."""
    libc = platform.libc_ver()[0] or "other"
    names = {"cpython": "cp"}
    return "%s%d%d%s-%s-%s-%s" % (
        names.get(sys.implementation.name, sys.implementation.name),
        sys.version_info[0],
        sys.version_info[1],
        getattr(sys, "abiflags", ""),
        sys.platform,
        libc,
        platform.machine(),
    )


def unpacked(archive, wheels):
    """Return the folder of these wheels: the one in the cache, or one that lasts as long as the process."""
    try:
        base = cache()
        folder = os.path.join(base, wheels["id"])
        if not os.path.isdir(folder):
            fill(archive, wheels["names"], base, folder)
        return folder
    except OSError:
        base = tempfile.mkdtemp(prefix="powerwall-proxy-")
        atexit.register(shutil.rmtree, base, ignore_errors=True)
        folder = os.path.join(base, wheels["id"])
        fill(archive, wheels["names"], base, folder)
        return folder


def cache():
    """Return the user's cache folder of this program. Raises OSError if others could write there."""
    parent = (
        os.environ.get("CACHE_DIRECTORY")  # systemd.exec(5)
        or os.environ.get("XDG_CACHE_HOME")
        or os.path.join(os.path.expanduser("~"), ".cache")
    )
    folder = os.path.join(parent, "powerwall-proxy")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    found = os.stat(folder)
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(folder)
    return folder


def fill(archive, names, base, folder):
    """Unpack wheels next to the folder, then give it its name: it is complete or it is not there."""
    made = tempfile.mkdtemp(dir=base)
    try:
        for name in names:
            with archive.open("wheels/" + name) as file, zipfile.ZipFile(file) as wheel:
                wheel.extractall(made)
        os.rename(made, folder)
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        if not os.path.isdir(folder):  # else another process was faster
            raise


def refuse(sentence):
    sys.stderr.write("powerwall-proxy: %s\n" % sentence)
    return EX_UNAVAILABLE


if __name__ == "__main__":
    sys.exit(main())
