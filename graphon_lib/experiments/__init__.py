"""Experiments: data, trials, sweeps and stored results.

From the rooms before to the numbers of the book: each experiment prunes networks over a grid of
settings, measures them, and stores the result with all that is needed to compute it again.

Cells of all experiments call the same by one name. ``seed`` and the axes of the grid seed
everything random. ``width`` and ``hidden_layers`` are of the network, 784-n-...-n-10 on MNIST;
``pruning`` is a name of :data:`graphon_lib.pruning.METHODS`, or ``"dense"``; ``density`` or
``densities`` the kept fraction of all weights; ``blocks`` those of every hidden layer's neurons, or
a side of a histogram; ``digits`` the number of images that kernels see, or that networks are
trained on; ``data`` which images and which initialisation.
"""
