"""Taps: the places of a timm backbone where features are taken, by the names that the papers use.

Pooling what a tap gives belongs to ``pooling``.
"""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from zuroku.errors import ConfigError

if TYPE_CHECKING:
    # Settings and cards name taps, and whoever only serves a model should not wait for torch.
    from torch import Tensor, nn

GAP = "gap"
"""The backbone's own pooled output, ``(n, d)``."""

LAST = "last"
"""The backbone's last feature map, before its pooling."""


def run_taps(
    backbone: "nn.Module", images: "Tensor", taps: Sequence[str], at: "Callable[[str, Tensor], Tensor]"
) -> None:
    """Send ``images`` through ``backbone`` and call ``at(tap, output)`` at each of ``taps``.

    What ``at`` returns goes on in place of the output. It is called while the network runs: later layers
    may overwrite an output in place, so nobody should keep one as it is.

    Raises:
        ConfigError: the backbone has no such tap, or images do not come past it.
    """
    handles = []
    passed = set()

    def pass_by(tap: str, output: "Tensor") -> "Tensor":
        passed.add(tap)
        return at(tap, output)

    try:
        for tap in taps:
            if tap not in (GAP, LAST):
                module = backbone.get_submodule(tap_module(backbone, tap))
                handles.append(module.register_forward_hook(_hook(tap, pass_by)))
        output = backbone.forward_features(images)  # type: ignore[operator]
        if LAST in taps:
            output = pass_by(LAST, output)
        if GAP in taps:
            pass_by(GAP, backbone.forward_head(output))  # type: ignore[operator]
    finally:
        for handle in handles:
            handle.remove()
    if missed := [tap for tap in taps if tap not in passed]:
        raise ConfigError(
            f"images do not come past the tap {', '.join(missed)}, which is no feature map",
            expected="the output of a convolutional stage, or gap",
            remedy="correct taps in the configuration",
        )


def tap_module(backbone: "nn.Module", tap: str) -> str:
    """Return the dotted name of the module whose output ``tap`` is.

    ``stage1``, ``stage2`` … are the stages that timm lists, from the input on; in ResNets ``conv1`` …
    ``conv5`` are the same by the names of He et al. 2016, so that ``conv2`` is timm's ``layer1``. In
    ResNet-18 ``conv5`` pooled *is* ``gap``: Tani and Wada's two have different norms (their table 4), so
    theirs is another place, perhaps the first block of the stage, ``layer4.0``.

    Raises:
        ConfigError: the backbone has no such tap.
    """
    stages = [str(stage["module"]) for stage in _stages(backbone)]
    names = {f"stage{number}": module for number, module in enumerate(stages, start=1)}
    if stages[1:2] == ["layer1"]:
        names |= {f"conv{number}": module for number, module in enumerate(stages, start=1)}
    if tap in names:
        return names[tap]
    if tap and tap in dict(backbone.named_modules()):
        return tap
    raise ConfigError(
        f"{type(backbone).__name__} has no tap {tap!r}",
        expected=f"{GAP}, {LAST}, {', '.join(names)}, or the dotted name of one of its modules",
        remedy="correct taps in the configuration",
    )


def tap_stride(backbone: "nn.Module", tap: str) -> int:
    """Return how many pixels of the image lie between two positions of the map at ``tap``.

    A module between two of the stages that timm lists counts as the later one.
    """
    stages = _stages(backbone)
    if not stages:
        return 1
    if tap not in (GAP, LAST):
        place = _order(tap_module(backbone, tap), backbone)
        for stage in stages:
            if place <= _order(str(stage["module"]), backbone):
                return int(stage["reduction"])
    return int(stages[-1]["reduction"])


def _order(module: str, backbone: "nn.Module") -> int:
    """Return the position of the last module that belongs to ``module``, in order of definition."""
    inside = re.compile(rf"{re.escape(module)}(\.|$)")
    return max(index for index, (name, _) in enumerate(backbone.named_modules()) if inside.match(name))


def _stages(backbone: "nn.Module") -> list[dict[str, Any]]:
    return list(getattr(backbone, "feature_info", []))


def _hook(tap: str, at: "Callable[[str, Tensor], Tensor]") -> "Callable[[nn.Module, Any, Tensor], Tensor]":
    return lambda module, inputs, output: at(tap, output)
