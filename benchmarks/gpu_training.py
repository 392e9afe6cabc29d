"""Images per second of training the full profile's tagger or embedders on a GPU, against the naive recipe.

First a sweep over batch sizes, eager and compiled, then the fastest takes turns with the plain loops,
and with its own halves (feeding alone, steps alone), which show what limits it. The arithmetic of its steps
is set against a large bf16 matrix product, which is what the card can do. For the tagger it imports what
trains and neither Lightning nor the packaged weights, so few packages are needed on the GPU machine.
"""

import argparse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.plain_training import (
    BATCH_SIZE,
    Pictures,
    PlainTraining,
    Statistics,
    all_cores,
    check_loss,
    picture_loader,
    recipe,
)
from benchmarks.timing import MIN_ROUNDS, System, as_json, circumstances, table, take_turns, write_json
from zuroku.losses.l2_softmax import L2SoftmaxMultiLabel, least_alpha, scaled_unit
from zuroku.models.tagger import Tagger
from zuroku.streams import ordered_map
from zuroku.training.augment import AugmentSettings, augment, item_draw

OURS = "zuroku"
_SEED = 20211211
_N_LABELS = {"tagger": 12, "embedder": 1103}
_BACKBONE = "efficientnet_b0"
_GATHER_THREADS = 2
_WARM_UP_STEPS = 5


@dataclass(frozen=True)
class Images:
    """Made-up training images in host memory: what they show costs no time.

    ``pixels`` is ``(n, size, size, 3)`` uint8, ``targets`` ``(n, n_labels)`` float32.
    """

    pixels: Tensor
    targets: Tensor

    @classmethod
    def random(cls, n_images: int, size_px: int, n_labels: int) -> "Images":
        """Return noise; all-zero images can run faster than real ones."""
        rng = np.random.default_rng(_SEED)
        pixels = rng.integers(0, 256, (n_images, size_px, size_px, 3), dtype=np.uint8)
        targets = rng.integers(0, 2, (n_images, n_labels)).astype(np.float32)
        return cls(torch.from_numpy(pixels), torch.from_numpy(targets))


class FastTraining:
    """bf16 autocast, channels-last, views made on the device from pinned uint8 batches."""

    def __init__(
        self, kind: str, images: Images, batch_size: int, compiled: bool, device: torch.device
    ) -> None:
        self.name = f"batch {batch_size}, {'compiled' if compiled else 'eager'}"
        self._images = images
        self._batch_size = batch_size
        self._device = device
        model = new_model(kind).to(device).to(memory_format=torch.channels_last).train()
        self._forward = torch.compile(model, dynamic=False) if compiled else model
        self._adam = torch.optim.Adam(model.parameters(), lr=1e-4, fused=device.type == "cuda")
        mean, std = statistics(kind)
        self._mean = torch.tensor(mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(std, device=device).view(1, 3, 1, 1)

    def run(self, steps: int) -> int:
        """Feed and train."""
        loss = torch.zeros(())
        for views, targets in self._feed(steps):
            loss = self._step(views, targets)
        check_loss(loss)
        return steps * self._batch_size

    def run_feed(self, steps: int) -> int:
        """Gather, copy and augment without training."""
        total = torch.zeros((), device=self._device)
        for views, _ in self._feed(steps):
            total = views.sum()
        check_loss(total)
        return steps * self._batch_size

    def run_steps(self, steps: int) -> int:
        """Train on one batch that already lies on the device."""
        [(views, targets)] = self._feed(1)
        loss = torch.zeros(())
        for _ in range(steps):
            loss = self._step(views, targets)
        check_loss(loss)
        return steps * self._batch_size

    def _step(self, views: Tensor, targets: Tensor) -> Tensor:
        with torch.autocast(self._device.type, dtype=torch.bfloat16):
            logits = self._forward(views)
        loss = functional.binary_cross_entropy_with_logits(logits.float(), targets)
        self._adam.zero_grad()
        loss.backward()
        self._adam.step()
        return loss.detach()

    def _feed(self, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
        with ThreadPoolExecutor(_GATHER_THREADS) as executor:
            for pixels, targets, draws in ordered_map(executor, self._gather, range(steps), window=4):
                on_device = pixels.to(self._device, non_blocking=True)
                unit = on_device.permute(0, 3, 1, 2).float() / 255
                views = (augment(unit, draws, AugmentSettings()) - self._mean) / self._std
                views = views.contiguous(memory_format=torch.channels_last)
                yield views, targets.to(self._device, non_blocking=True)

    def _gather(self, step: int) -> tuple[Tensor, Tensor, list[np.random.Generator]]:
        """Copy the pictures of one step into pinned memory."""
        chosen = np.random.default_rng([_SEED, step]).integers(0, len(self._images.pixels), self._batch_size)
        index = torch.from_numpy(chosen)
        draws = [item_draw(_SEED, step, int(item)) for item in chosen]
        return self._pinned(self._images.pixels, index), self._pinned(self._images.targets, index), draws

    def _pinned(self, source: Tensor, index: Tensor) -> Tensor:
        pinned = torch.empty(
            (len(index), *source.shape[1:]), dtype=source.dtype, pin_memory=self._device.type == "cuda"
        )
        torch.index_select(source, 0, index, out=pinned)
        return pinned


class EmbedderLogits(nn.Module):
    """The embedder of models ② to ④ under its classifier: images in [0, 1] → logits ``(n, n_labels)``.

    Their binary cross-entropy is the loss that it is trained with.
    """

    def __init__(self, backbone: nn.Module, n_labels: int) -> None:
        super().__init__()
        # Here, because they need the packaged weights.
        from zuroku.models.embedding.network import Embedder
        from zuroku.models.embedding.settings import EmbedderNetworkSettings

        settings = EmbedderNetworkSettings(
            backbone=_BACKBONE, weights="random", size_px=224, head="linear", dimension=512, grey=True
        )
        self.network = Embedder(backbone, settings)
        self.loss = L2SoftmaxMultiLabel(n_labels, self.network.raw_dimension, least_alpha(n_labels))

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits that the loss compares with the targets."""
        logits: Tensor = self.loss.classify(scaled_unit(self.network.raw_vectors(images), self.loss.alpha))
        return logits


def new_model(kind: str) -> nn.Module:
    """Return the full profile's ``kind`` of model with random weights."""
    torch.manual_seed(_SEED)
    backbone = timm.create_model(_BACKBONE, pretrained=False, num_classes=0)
    return (Tagger if kind == "tagger" else EmbedderLogits)(backbone, _N_LABELS[kind])


def statistics(kind: str) -> Statistics:
    """Return mean and standard deviation of the model's input; an embedder normalises within."""
    if kind == "embedder":
        return [0.0] * 3, [1.0] * 3
    config = timm.get_pretrained_cfg(_BACKBONE)
    return list(config.mean), list(config.std)


def tera_flops_per_image(kind: str, images: Images, device: torch.device) -> float:
    """Count the arithmetic of a training step, forth and back."""
    batch_size = 8
    training = FastTraining(kind, images, batch_size, False, device)
    with FlopCounterMode(display=False) as counted:
        training.run_steps(1)
    return float(counted.get_total_flops() / batch_size / 1e12)


def card_tera_flops(device: torch.device) -> float:
    """Return what a large product of bf16 matrices reaches in a second."""
    side, products = (8192, 20) if device.type == "cuda" else (512, 2)
    matrix = torch.randn(side, side, device=device).to(torch.bfloat16)
    check_loss((matrix @ matrix).sum())
    started = perf_counter()
    for _ in range(products):
        product = matrix @ matrix
    check_loss(product.sum())
    return products * 2 * side**3 / (perf_counter() - started) / 1e12


def sweep(
    kind: str, images: Images, batch_sizes: list[int], compiled: list[int], steps: int, device: torch.device
) -> tuple[FastTraining, dict[str, float]]:
    """Time each batch size once, eager and (those in ``compiled``) compiled; return the fastest."""
    rates: dict[str, float] = {}
    fastest: FastTraining | None = None
    variants = [(size, False) for size in batch_sizes]
    variants += [(size, True) for size in batch_sizes if size in compiled]
    for batch_size, compile_it in variants:
        training = FastTraining(kind, images, batch_size, compile_it, device)
        started = perf_counter()
        training.run(min(steps, _WARM_UP_STEPS))
        warm = perf_counter()
        rates[training.name] = training.run(steps) / (perf_counter() - warm)
        print(
            f"| {training.name} | {rates[training.name]:,.0f} | warm-up {warm - started:.0f} s |", flush=True
        )
        if fastest is None or rates[training.name] > rates[fastest.name]:
            fastest = training
        if device.type == "cuda":
            torch.cuda.empty_cache()
    if fastest is None:
        raise SystemExit("no batch size was given: name at least one with --batch")
    return fastest, rates


def contestants(
    kind: str, fastest: FastTraining, images: Images, steps: int, device: torch.device
) -> dict[str, System]:
    """Return the fastest training, its halves, and the plain loops on the same images."""
    size_px = images.pixels.shape[1]
    transform = recipe(AugmentSettings(), size_px, statistics(kind))
    pictures = Pictures(images.pixels.numpy(), images.targets.numpy(), transform)
    plain = PlainTraining(new_model(kind), device)
    workers = all_cores()
    loaded = picture_loader(pictures, steps * 2, workers)
    # The slowest by far takes fewer steps a round.
    alone = picture_loader(pictures, max(1, steps // 5), 0)
    return {
        OURS: partial(fastest.run, steps),
        f"plain loop (fp32, batch {BATCH_SIZE}, transforms in the main process)": partial(plain.run, alone),
        f"plain, DataLoader with {workers} workers": partial(plain.run, loaded),
        "zuroku, feeding alone": partial(fastest.run_feed, steps),
        "zuroku, steps alone": partial(fastest.run_steps, steps),
    }


def main() -> None:
    """Sweep, take turns, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=list(_N_LABELS), default="tagger")
    parser.add_argument("--batch", type=int, nargs="+", default=[128, 256, 512, 1024])
    parser.add_argument("--compile", type=int, nargs="*", default=[256, 512], help="batch sizes to compile")
    parser.add_argument("--steps", type=int, default=40, help="steps per measurement")
    parser.add_argument("--rounds", type=int, default=MIN_ROUNDS)
    parser.add_argument("--n-images", type=int, default=4096, help="images in host memory")
    parser.add_argument("--size", type=int, default=224, help="pixels on a side")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    device = torch.device(options.device)
    torch.backends.cudnn.benchmark = True
    result: dict[str, Any] = {**circumstances(), "torch": torch.__version__, "device": _name(device)}
    result["model"] = options.model
    print(
        f"{options.model}, {_BACKBONE}, {options.size} px on {result['device']}, torch {torch.__version__}\n"
    )
    images = Images.random(options.n_images, options.size, _N_LABELS[options.model])
    print("| training | images/s | |\n|---|---:|---|")
    fastest, result["sweep"] = sweep(
        options.model, images, options.batch, options.compile, options.steps, device
    )
    result["fastest"] = fastest.name
    write_json(options.out, result)
    timings = take_turns(contestants(options.model, fastest, images, options.steps, device), options.rounds)
    print(f"\nzuroku: {fastest.name}, bf16, channels-last\n")
    print(table(timings, OURS, "images"))
    result["turns"] = as_json(timings, OURS)
    each, card = tera_flops_per_image(options.model, images, device), card_tera_flops(device)
    reached = each * result["sweep"][fastest.name]
    result |= {"tera_flops_per_image": each, "tera_flops": reached, "card_tera_flops": card}
    print(f"\n{reached:.3g} of the {card:.3g} TFLOP/s of a bf16 matrix product ({reached / card:.0%})")
    write_json(options.out, result)


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


if __name__ == "__main__":
    main()
