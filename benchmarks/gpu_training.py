"""Images per second of training the full profile's tagger on a GPU, against the naive recipe.

First a sweep over batch sizes, eager and compiled, then the fastest takes turns with the plain loops,
and with its own halves (feeding alone, steps alone), which show what limits it. It imports what
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
from torch import Tensor
from torch.nn import functional

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
from zuroku.models.tagger import Tagger
from zuroku.streams import ordered_map
from zuroku.training.augment import AugmentSettings, augment, item_draw

OURS = "zuroku"
_SEED = 20211211
_N_LABELS = 12
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
    def random(cls, n_images: int, size_px: int) -> "Images":
        """Return noise; all-zero images can run faster than real ones."""
        rng = np.random.default_rng(_SEED)
        pixels = rng.integers(0, 256, (n_images, size_px, size_px, 3), dtype=np.uint8)
        targets = rng.integers(0, 2, (n_images, _N_LABELS)).astype(np.float32)
        return cls(torch.from_numpy(pixels), torch.from_numpy(targets))


class FastTraining:
    """bf16 autocast, channels-last, views made on the device from pinned uint8 batches."""

    def __init__(self, images: Images, batch_size: int, compiled: bool, device: torch.device) -> None:
        self.name = f"batch {batch_size}, {'compiled' if compiled else 'eager'}"
        self._images = images
        self._batch_size = batch_size
        self._device = device
        tagger = new_tagger().to(device).to(memory_format=torch.channels_last).train()
        self._forward = torch.compile(tagger, dynamic=False) if compiled else tagger
        self._adam = torch.optim.Adam(tagger.parameters(), lr=1e-4, fused=device.type == "cuda")
        mean, std = statistics()
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


def new_tagger() -> Tagger:
    """Return the full profile's tagger with random weights."""
    torch.manual_seed(_SEED)
    return Tagger(timm.create_model(_BACKBONE, pretrained=False, num_classes=0), _N_LABELS)


def statistics() -> Statistics:
    """Return mean and standard deviation of the backbone's input."""
    config = timm.get_pretrained_cfg(_BACKBONE)
    return list(config.mean), list(config.std)


def sweep(
    images: Images, batch_sizes: list[int], compiled: list[int], steps: int, device: torch.device
) -> tuple[FastTraining, dict[str, float]]:
    """Time each batch size once, eager and (those in ``compiled``) compiled; return the fastest."""
    rates: dict[str, float] = {}
    fastest: FastTraining | None = None
    variants = [(size, False) for size in batch_sizes]
    variants += [(size, True) for size in batch_sizes if size in compiled]
    for batch_size, compile_it in variants:
        training = FastTraining(images, batch_size, compile_it, device)
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


def contestants(fastest: FastTraining, images: Images, steps: int, device: torch.device) -> dict[str, System]:
    """Return the fastest training, its halves, and the plain loops on the same images."""
    size_px = images.pixels.shape[1]
    transform = recipe(AugmentSettings(), size_px, statistics())
    pictures = Pictures(images.pixels.numpy(), images.targets.numpy(), transform)
    plain = PlainTraining(new_tagger(), device)
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
    print(f"{_BACKBONE} at {options.size} px on {result['device']}, torch {torch.__version__}\n", flush=True)
    images = Images.random(options.n_images, options.size)
    print("| training | images/s | |\n|---|---:|---|")
    fastest, result["sweep"] = sweep(images, options.batch, options.compile, options.steps, device)
    result["fastest"] = fastest.name
    write_json(options.out, result)
    timings = take_turns(contestants(fastest, images, options.steps, device), options.rounds)
    print(f"\nzuroku: {fastest.name}, bf16, channels-last\n")
    print(table(timings, OURS, "images"))
    result["turns"] = as_json(timings, OURS)
    write_json(options.out, result)


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


if __name__ == "__main__":
    main()
