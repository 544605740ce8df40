"""An installation in an empty folder, for the tests of what is installed."""
import contextlib
import os
import shutil
import subprocess
import tempfile


@contextlib.contextmanager
def installed(build):
    """Installs the build below a new folder and yields that. The log of what
    the user installed last, which `ninja uninstall` reads, stays as it was."""
    log = os.path.join(build, "meson-logs", "install-log.txt")
    with tempfile.TemporaryDirectory() as root:
        kept = os.path.join(root, "kept.txt")
        if os.path.exists(log):
            shutil.copy(log, kept)
        try:
            destdir = os.path.join(root, "destdir")
            subprocess.run(["meson", "install", "-C", build, "--no-rebuild",
                            "--quiet", "--destdir", destdir], check=True)
            yield destdir
        finally:
            if os.path.exists(kept):
                shutil.copy(kept, log)
            elif os.path.exists(log):
                os.remove(log)


def files_below(root):
    """Paths of all files and links, from root on with a leading slash."""
    return sorted("/" + os.path.relpath(os.path.join(here, name), root)
                  for here, dirs, names in os.walk(root)
                  for name in names + [d for d in dirs if os.path.islink(
                      os.path.join(here, d))])
