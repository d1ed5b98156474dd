"""Muon for matrices and convolutions, Adam for the rest, and the average of weights that is shipped.

Muon: K. Jordan et al. 2024, "Muon: an optimizer for hidden layers"; the step's size follows Liu et al. 2025 (arXiv 2502.16982, eq. 4),
so one learning rate serves both. On a CPU the number of samples is what a run can afford, and Muon is said to need fewer than Adam.
"""

from collections.abc import Iterable

import torch
from torch import nn

from webui.train.default_model.workers import WorkerGroup

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ROUNDS = 5


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """The nearest semi-orthogonal matrix, roughly, by five Newton-Schulz rounds; of one matrix or of each in a batch.

    A round multiplies by a polynomial of the Gram matrix from the left, so the rounds are run on the small square matrix and the wide
    one is touched twice only.
    """
    tall = matrix.shape[-2] > matrix.shape[-1]
    norm = matrix.norm() if matrix.ndim == 2 else matrix.norm(dim=(-2, -1), keepdim=True)
    x = (matrix.mT if tall else matrix) / (norm + 1e-7)
    first, second, third = _COEFFICIENTS
    gram = x @ x.mT
    one = torch.eye(gram.shape[-1], device=gram.device, dtype=gram.dtype)
    total = one
    for _ in range(_ROUNDS):
        factor = first * one + second * gram + third * gram @ gram
        total = factor @ total
        gram = factor @ gram @ factor
    x = total @ x
    turned: torch.Tensor = x.mT if tall else x
    return turned


class Muon(torch.optim.Optimizer):
    """Momentum whose direction is made orthogonal. Convolutions are taken as matrices [out, in · height · width].

    The workers share the work: each makes every n-th direction, and the sum over the workers gives all of them to everybody.
    """

    def __init__(
        self, params: Iterable[nn.Parameter], lr: float, group: WorkerGroup, momentum: float = 0.95, weight_decay: float = 0.01
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self._world = group

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if not parameters:
                continue
            directions = self._directions(parameters, group)
            factors = [
                -group["lr"] * 0.2 * max(parameter.shape[0], parameter.numel() // parameter.shape[0]) ** 0.5 for parameter in parameters
            ]
            moves = torch._foreach_mul([one.view(to.shape) for one, to in zip(directions, parameters, strict=True)], factors)
            torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(parameters, moves)

    def _directions(self, parameters: list[nn.Parameter], group: dict[str, float]) -> list[torch.Tensor]:
        """On a GPU all matrices of one shape at once: there are about 200, and each alone would be twenty launches."""
        wanted = self._wanted(parameters, group["momentum"])
        if parameters[0].is_cuda:
            return grouped(wanted)
        mine = [number % self._world.size == self._world.rank for number in range(len(wanted))]
        return self._world.total(
            [orthogonal(one).flatten() if made_here else one.new_zeros(one.numel()) for one, made_here in zip(wanted, mine, strict=True)]
        )

    def _wanted(self, parameters: list[nn.Parameter], factor: float) -> list[torch.Tensor]:
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if "momentum" not in self.state[parameter]:
                self.state[parameter]["momentum"] = torch.zeros_like(gradient)
        momenta = [self.state[parameter]["momentum"] for parameter in parameters]
        torch._foreach_mul_(momenta, factor)
        torch._foreach_add_(momenta, gradients)
        return [wanted.flatten(1) for wanted in torch._foreach_add(gradients, momenta, alpha=factor)]


def grouped(matrices: list[torch.Tensor]) -> list[torch.Tensor]:
    """`orthogonal` of each, with those of one shape in one batch."""
    places: dict[torch.Size, list[int]] = {}
    for number, matrix in enumerate(matrices):
        places.setdefault(matrix.shape, []).append(number)
    found = list(matrices)
    for numbers in places.values():
        for number, made in zip(numbers, orthogonal(torch.stack([matrices[number] for number in numbers])), strict=True):
            found[number] = made
    return found


def optimisers(module: nn.Module, lr: float, edges: tuple[str, ...], group: WorkerGroup) -> list[torch.optim.Optimizer]:
    """Muon for hidden matrices; Adam for vectors, tables and the first and last layers (names that contain one of `edges`)."""
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in module.named_parameters():
        hidden = parameter.ndim > 1 and not any(edge in name for edge in edges)
        (matrices if hidden else others).append(parameter)
    adam = torch.optim.AdamW(others, lr=lr, betas=(0.9, 0.99), weight_decay=0.0)
    return [Muon(matrices, lr, group), adam]


def set_rate(found: Iterable[torch.optim.Optimizer], lr: float) -> None:
    for optimiser in found:
        for group in optimiser.param_groups:
            group["lr"] = lr


def rate(peak: float, step: int, progress: float, warm_up: int = 50, decay: float = 0.4) -> float:
    """A linear start, a plateau, and a linear way down to nothing over the last `decay` of the run."""
    return peak * min(1.0, (step + 1) / warm_up) * min(1.0, max(0.02, (1 - progress) / decay))


@torch.no_grad()
def average_into(average: dict[str, torch.Tensor], module: nn.Module, step: int, longest: float) -> None:
    """The exponential average of weights, short at the start, `longest` (a factor per step) at the end."""
    factor = min(longest, (1 + step) / (10 + step))
    state = module.state_dict()
    moving = [name for name, value in state.items() if value.is_floating_point()]
    torch._foreach_lerp_([average[name] for name in moving], [state[name] for name in moving], 1 - factor)
    for name in state.keys() - set(moving):
        average[name].copy_(state[name])
