"""Fails in an interpreter that is to be a zygote, as long as there is a certain file."""

import os
import stat

if stat.S_ISSOCK(os.fstat(0).st_mode) and os.path.exists(os.environ["FILE_OF_THE_TEST"]):
    os._exit(3)
