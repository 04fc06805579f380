"""Files and folders shared by several trainings."""

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path


@contextlib.contextmanager
def whole(path):
    """A temporary path for creating the file or folder `path`, renamed to it when the block ends without an error."""
    with tempfile.TemporaryDirectory(dir=path.parent) as work:
        made = Path(work, path.name)
        yield made
        made.replace(path)


@contextlib.contextmanager
def locked(folder):
    """Mutual exclusion between processes for a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
