"""Losses of what is split over processes, on torch.distributed.

``vocab_parallel`` splits the classes: each rank holds a slice of the head's weight, or of the logits.
"""

from crossentropy._validation import sentence

try:
    from torch import distributed as _distributed

    _found = "one without it" if not _distributed.is_available() else None
except ModuleNotFoundError:
    _found = "none"
if _found is not None:
    raise ImportError(
        sentence(
            "crossentropy.distributed",
            expected="PyTorch with torch.distributed",
            received=_found,
            remedy="install it: pip install 'crossentropy[torch]'",
        )
    )

from crossentropy.distributed import vocab_parallel

__all__ = ["vocab_parallel"]
