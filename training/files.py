"""Files and folders that several trainings may share."""

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path


@contextlib.contextmanager
def whole(path):
    """A path at which to make the file or folder `path`: it is put in place when the block ends without an error."""
    with tempfile.TemporaryDirectory(dir=path.parent) as work:
        made = Path(work, path.name)
        yield made
        made.replace(path)


@contextlib.contextmanager
def locked(folder):
    """Waits until no other process is in such a block for the same folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
