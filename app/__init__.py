"""CGT Atlas: a source-cited database of the cell and gene therapy industry and its REST API."""

import gc
import os

__version__ = "0.1.0"

# NumPy's library for matrices, of which nothing is used here, begins a thread for each core otherwise, in each process.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Python's way to find cycles looks through all objects again and again while they become more. To import this software makes a hundred
# thousand and hardly a cycle, to load a release makes millions: with the usual 700 new objects between two looks a third of the start and a
# fifth of a load go into looking.
gc.set_threshold(200_000)
