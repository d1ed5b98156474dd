"""What a stage needs to go on where it was: weights, their average, optimisers, step and seconds worked.

No random state: every step seeds its own.
"""

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from webui.train.default_model.networks import device_of
from webui.train.default_model.optimiser import average_into


class Stage:
    """Modules in training with their averages and optimisers."""

    def __init__(self, modules: dict[str, nn.Module], optimisers: list[torch.optim.Optimizer], longest: float) -> None:
        self.modules, self.optimisers, self.longest = modules, optimisers, longest
        self.averages = {
            name: {key: value.detach().clone() for key, value in module.state_dict().items()} for name, module in modules.items()
        }
        self.step, self.worked, self.log = 0, 0.0, list[dict[str, float]]()

    def advance(self) -> None:
        """Apply the gradients, move the averages, clear the gradients."""
        nn.utils.clip_grad_norm_([p for module in self.modules.values() for p in module.parameters()], 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        for name, module in self.modules.items():
            average_into(self.averages[name], module, self.step, self.longest)
        self.step += 1

    def save(self, path: Path) -> None:
        content = {
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "averages": self.averages,
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "step": self.step,
            "worked": self.worked,
            "log": self.log,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        torch.save(content, part)
        os.replace(part, path)

    def load(self, path: Path) -> bool:
        """Go on from a file of `save`; False when there is none."""
        if not path.exists():
            return False
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        for name, module in self.modules.items():
            module.load_state_dict(content["modules"][name])
        device = self._device()
        self.averages = {name: {key: value.to(device) for key, value in kept.items()} for name, kept in content["averages"].items()}
        for optimiser, saved in zip(self.optimisers, content["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.step, self.worked, self.log = content["step"], content["worked"], content["log"]
        return True

    def _device(self) -> torch.device:
        return device_of(next(iter(self.modules.values())))

    def warm(self, name: str, weights: dict[str, torch.Tensor]) -> None:
        """Start a module and its average from exported weights, with fresh optimisers."""
        self.modules[name].load_state_dict(weights, strict=False)
        self.averages[name] = {key: value.detach().clone() for key, value in self.modules[name].state_dict().items()}
