"""Graphon limits of pruned neural networks.

The rooms of the library, each importing only from those before it:

``graphon_lib.pruning``
    Five ways to prune networks at initialisation, masked perceptrons and any others (PyTorch);
    ``python -m graphon_lib prune`` from a shell.
``graphon_lib.graphons``
    Step graphons, their estimators and their distances (NumPy).
``graphon_lib.ntk``
    Kernels of infinitely wide pruned networks, exact for step graphons (NumPy).
``graphon_lib.experiments``
    Data, sweeps and stored results.
``graphon_lib.book``
    Figures and the build of the book.

Importing ``graphon_lib`` imports none of them, so it is fast and needs no PyTorch. What docstrings call
the paper is Pham, Ta, Jacobs, Burkholz and Tran-Thanh, *The Graphon Limit Hypothesis: Understanding
Neural Network Pruning via Infinite Width Analysis*, NeurIPS 2025, arXiv:2510.17515.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("graphon-lib")
except PackageNotFoundError:  # used from a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
