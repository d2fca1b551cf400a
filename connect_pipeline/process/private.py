"""A process of ours keeps to itself what it leaves behind without meaning to.

For: commands (`cli.py`) and the processes in which Dagster loads us (`definitions.py`). Belongs
here: what the system would let others read. Does not belong here: the modes of what we write on
purpose (`disk.py`), and memory that is used again (`cleared_memory.py`).
"""

import os
import resource


def keep_private() -> None:
    """What libraries write (Dagster's files, spills) is its owner's; a crash writes no memory.

    An image of it (core dump) would hold the cells at hand, wherever the system puts such images.
    """
    os.umask(0o077)
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
