"""What all tasks with Arrow do first, done once in the zygote: Arrow's memory, and what it imports late, are there already."""

import io
import os
import signal

from linux import open_status, threads

# Of the trial in a child; it takes milliseconds.
TRIAL_SECONDS = 5


def rehearse():
    """A little of it."""
    import pyarrow

    values = pyarrow.array([1]).to_pandas() + 1
    batch = pyarrow.RecordBatch.from_arrays([pyarrow.Array.from_pandas(values)], ["_0"])
    written = io.BytesIO()
    with pyarrow.ipc.new_stream(written, batch.schema) as stream:
        stream.write_batch(batch)
    list(pyarrow.ipc.open_stream(written.getvalue()))


def goes_well(split):
    """Whether a child, which `split` forks, has done it without a thread being started."""
    try:
        pid = split()
    except OSError:
        return False
    if pid == 0:
        code = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(TRIAL_SECONDS)
            rehearse()
            code = threads(open_status()) - 1
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1] == 0
