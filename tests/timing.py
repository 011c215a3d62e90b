"""How tests hold code to a limit of time on a machine that may have other work."""

import numpy as np


def best_median(measure, limit, rounds=3):
    """Return the smallest median of the times that `measure` returns, over so many rounds at most.

    Other work only makes times longer, so that the best round is the closest to what the code
    itself takes. No further round is made once one has stayed below the limit.
    """
    best = np.inf
    for _ in range(rounds):
        best = min(best, np.median(measure()))
        if best < limit:
            break
    return best
