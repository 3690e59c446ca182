"""What `importlib.metadata` knows of the archives on the path."""

import contextlib
import gc
import sys
import zipimport


def forget_distributions():
    """Has archives closed, which it keeps open for the next look: all workers would read at one position."""
    metadata = sys.modules.get("importlib.metadata")
    with contextlib.suppress(AttributeError):  # what older ones have in its place
        cache = metadata.FastPath.__new__
        if cache.cache_info().currsize:
            cache.cache_clear()
            gc.collect()  # they hold on to themselves


def know_distributions(metadata, archives):
    """Whoever looks for distributions looks into all archives: that these have none it need not read in each worker, in 50 ms,
    as long as they are what imports have read. Until they have another time of modification, as it does itself.
    """
    read = getattr(zipimport, "_zip_directory_cache", {})
    with contextlib.suppress(AttributeError):
        for archive in read.keys() & set(archives):
            path = metadata.FastPath(archive)
            path.children = dict.fromkeys(name.partition("/")[0] for name in read[archive]).keys
            found = path.lookup(path.mtime)
            del path.children
            if found.infos or found.eggs:
                path.lookup.cache_clear()
