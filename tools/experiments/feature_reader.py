"""Features of a model one by one: their values, the place in the picture they come from, and pictures that raise them.

A feature is a number of the penultimate layer (Barlow, Singla et al. 2021, §4, §A): what the classification layer reads,
else the last maps averaged over space. It may be read from the case's own model or from another one, for instance a robust
one, whose features are then attributes of the pictures and no statement about what the case's model uses (§4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.engine.features import kept_features, tap
from failsight.tools.engine.local import batch_size
from failsight.tools.errors import RetryError, UserError
from failsight.tools.experiments.attacks import NoGradient, Victim, victim
from failsight.tools.experiments.explainers import first_tensor, hookable
from failsight.tools.inputs.base import Classifier, Floats, Pixels, Split
from failsight.tools.text import clean
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
SHIPPED = {"robust": ("failsight.knowledge_base.cases", "rooms_robust")}
SAME = 1e-3  # relative: how well features and averaged maps must agree to be the same thing
PAPER_SIDE = 224  # lengths of the feature attack are stated for pictures of 224 × 224 pixels in [0, 1]


@dataclass(frozen=True)
class Source:
    """Where features come from.

    Attributes:
        model: the model whose penultimate layer is read.
        own: whether it is the case's own model.
        name: of the other model, for people; empty for the case's own.
    """

    model: Classifier
    own: bool
    name: str = ""

    def feature(self, number: int) -> str:
        """``feature #37``, or ``rooms_robust feature #37``: the sign says that the number is a name."""
        return f"{self.name} feature #{number}" if self.name else f"feature #{number}"

    @property
    def words(self) -> str:
        """``the model itself``, or ``the model rooms_robust``."""
        return "the model itself" if self.own else f"the model {self.name}"


def source_of(view: CaseView, feature_model: str | None) -> Source:
    """The case's own model, or the one that ``feature_model`` names: a path, or ``robust`` for the one that ships.

    Raises:
        RetryError: there is no such model, it can't be opened, or the case has none of its own.
    """
    if feature_model is None or not feature_model.strip():
        if not view.has_model():
            raise RetryError(
                "This case has predictions only, so there are no features of its own; name a feature_model."
            )
        return Source(view.model(), True)
    path = _path_of(feature_model.strip())
    model = _opened(path)
    if view.has_model() and view.model().fingerprint == model.fingerprint:
        return Source(view.model(), True)
    named = path.parent.name if path.is_file() and path.stem in ("weights", "model") else path.stem
    return Source(model, False, clean(named, 30))


def feature_model_print(arguments: Mapping[str, Any]) -> str:
    """Fingerprint of the model that the argument ``feature_model`` names; empty without one, or where it can't be opened."""
    named = str(arguments.get("feature_model") or "").strip()
    if not named:
        return ""
    try:
        return _opened(_path_of(named)).fingerprint
    except RetryError:  # said by the tool, which opens it next
        return ""


def _opened(path: Path) -> Classifier:
    from failsight.tools.inputs.models import open_model

    try:
        return open_model(path)
    except (UserError, OSError, ValueError) as problem:
        raise RetryError(
            f"feature_model: {problem} What the file does not say goes into a model.json beside it."
        ) from None


def _path_of(text: str) -> Path:
    """A path on this machine; never a download."""
    if text in SHIPPED:
        from importlib.resources import files

        package, folder = SHIPPED[text]
        return Path(str(files(package).joinpath(folder))) / "weights.safetensors"
    if text.startswith("hub:") or "://" in text:
        raise RetryError(f"feature_model: {clean(text, 60)!r} would be fetched; name a file that is here.")
    return Path(text).expanduser()


def features_of(view: CaseView, source: Source, split: Split, rows: Ints) -> tuple[Ints, Floats]:
    """(row numbers among ``rows``, (n, c) features): those of the shared pass, or one cached pass of another model.

    Where all would not fit in memory, those of a seeded sample.

    Raises:
        RetryError: the model shows no inner layers.
    """
    if source.own:
        known, made = view.features(split)
        keep = np.isin(known, rows)
        return known[keep], made[keep]
    return kept_features(
        view.table(split),
        source.model,
        rows,
        seed=view.seed,
        cached=view.cached,
        store=view.store,
        batch=batch_size(source.model),
        progress=view.progress,
    )


@dataclass(frozen=True)
class Reader:
    """The features of a torch model as a differentiable function of pixels.

    Attributes:
        victim: the model as a function of pixels.
        module: the torch module.
        layer, side: where features are heard (see ``engine.features.tap``).
        map_layer: the layer whose maps say where a feature comes from; None where there is none.
    """

    victim: Victim
    module: Any
    layer: str
    side: str
    map_layer: str | None
    batch: int

    def values(self, x: Any) -> Any:
        """(n, c) features of a pixel tensor (n, h, w, 3), 0 to 255; differentiable where gradients are on."""
        with _heard(self.module, self.layer, self.side) as seen:
            self.victim.outputs(x)
        return pooled(seen[-1])

    def of_pixels(self, pixels: Pixels) -> Floats:
        """(n, c) features of prepared pictures, in batches."""
        import torch

        made = []
        with torch.no_grad():
            for start in range(0, len(pixels), self.batch):
                part = self.values(self.victim.tensor(pixels[start : start + self.batch]))
                made.append(part.float().cpu().numpy())
        return np.concatenate(made) if made else np.zeros((0, 0), np.float32)

    def maps(self, pixels: Pixels, feature: int) -> Floats | None:
        """(n, a, b) where in each picture the feature comes from; None where the model has no maps.

        Where features are maps averaged over space, the map itself (§4, §B of the paper; CAM: Zhou et al. 2016). Elsewhere
        Grad-CAM of the feature (Selvaraju et al. 2017), which is the same thing where both exist, up to a factor.
        """
        if self.map_layer is None:
            return None
        made = []
        for start in range(0, len(pixels), self.batch):
            part = self._maps(pixels[start : start + self.batch], feature)
            if part is None:
                return None
            made.append(part)
        return np.concatenate(made) if made else None

    def _maps(self, pixels: Pixels, feature: int) -> Floats | None:
        import torch

        x = self.victim.tensor(pixels).requires_grad_()
        with torch.enable_grad(), _heard(self.module, str(self.map_layer), "maps") as seen:
            features = self.values(x)
            maps = seen[-1]
            if maps.ndim != 4:
                return None
            mean = maps.mean((2, 3))
            if mean.shape == features.shape and torch.allclose(mean, features, rtol=SAME, atol=1e-5):
                found = maps[:, feature]
            else:
                gradient = torch.autograd.grad(features[:, feature].sum(), maps, allow_unused=True)[0]
                if gradient is None:
                    return None
                found = torch.einsum("nc,nchw->nhw", gradient.mean((2, 3)), maps).relu()
        made: Floats = found.detach().float().cpu().numpy()
        return made


def reader_of(model: Classifier, example: Pixels) -> Reader | None:
    """A reader of ``model``, checked on ``example`` (n ≥ 1 pictures); None where it has no weights that can be reached."""
    listening = tap(model)
    if listening is None or not hookable(listening.module, listening.layer):
        return None
    try:
        made = victim(model, example)
    except NoGradient:
        return None
    from failsight.tools.inputs.models.layers import find_feature_layer

    layer = model.feature_layer or find_feature_layer(listening.module, model.normalise(example[:1]))
    if layer is not None and not hookable(listening.module, layer):
        layer = None
    return Reader(
        made, listening.module, listening.layer, listening.side, layer, max(1, batch_size(model) // 2)
    )


def pooled(values: Any) -> Any:
    """What a layer hands on as features: (n, c), maps averaged over space."""
    tensor = first_tensor(values)
    return tensor.mean((2, 3)) if tensor.ndim == 4 else tensor.flatten(1)


@contextmanager
def _heard(module: Any, layer: str, side: str) -> Iterator[list[Any]]:
    """What the layer reads (``input``) or hands on, one entry a pass; the hook is gone afterwards, whatever happens.

    What it hands on is heard as a copy, since later layers may work in place."""
    seen: list[Any] = []
    child = dict(module.named_modules())[layer]
    if side == "input":
        handle = child.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    else:

        def keep(_: Any, __: Any, output: Any) -> Any:
            seen.append(first_tensor(output))
            return seen[-1].clone() if output is seen[-1] else None

        handle = child.register_forward_hook(keep)
    try:
        yield seen
    finally:
        handle.remove()


@dataclass(frozen=True)
class Raised:
    """Pictures changed so that one feature rises.

    Attributes:
        pixels: (n, h, w, 3) uint8, as a model would see them.
        early: the same after a tenth of the steps, when the pictures can still be recognised.
        before, after: (n,) the feature in the original and in the changed picture.
        change: (n,) l2 length of the change, values in [0, 1].
    """

    pixels: Pixels
    early: Pixels
    before: Floats
    after: Floats
    change: Floats


def raise_feature(
    reader: Reader,
    pixels: Pixels,
    feature: int,
    *,
    step: float = 1.0,
    radius: float = 500.0,
    iterations: int = 500,
    advance: Callable[[int], None] | None = None,
) -> Raised:
    """The feature attack (§4, §C): gradient ascent on one feature, from each picture, within an l2 ball around it.

    Steps have a fixed length along the gradient and keep to valid pixels, as in the paper's released code.

    Args:
        pixels: (n, h, w, 3) prepared pictures, few enough for one batch.
        feature: its number.
        step, radius: l2 lengths for pictures of 224 × 224 pixels with values in [0, 1]; for other sizes they are scaled so
            that the change a pixel may undergo stays the same. At the paper's 500 the ball holds every picture.
        iterations: how many steps.
        advance: told after every step.

    Raises:
        NoGradient: the feature does not depend on the pixels in a way that can be followed.
    """
    import torch

    scale = 255 * float(np.sqrt(pixels.shape[1] * pixels.shape[2])) / PAPER_SIDE
    start = reader.victim.tensor(pixels)
    x = start.clone()
    early = pixels
    for number in range(1, iterations + 1):
        gradient = _ascent(reader, x, feature)
        with torch.no_grad():
            delta = x + gradient * (step * scale / _length(gradient)) - start
            delta = delta * (radius * scale / _length(delta)).clamp(max=1)
            x = (start + delta).clamp(0, 255)
        if number == max(1, iterations // 10):
            early = np.rint(x.cpu().numpy()).astype(np.uint8)
        if advance is not None:
            advance(1)
    after = np.rint(x.cpu().numpy()).astype(np.uint8)
    moved = np.linalg.norm((after.astype(np.float32) - pixels).reshape(len(pixels), -1), axis=1) / 255
    return Raised(
        after,
        early,
        reader.of_pixels(pixels)[:, feature],
        reader.of_pixels(after)[:, feature],
        moved.astype(np.float32),
    )


def _ascent(reader: Reader, x: Any, feature: int) -> Any:
    import torch

    with torch.enable_grad():
        leaf = x.detach().clone().requires_grad_()
        gradient = None
        with suppress(RuntimeError):
            value = reader.values(leaf)[:, feature].sum()
            gradient = torch.autograd.grad(value, leaf, allow_unused=True)[0]
    if gradient is None:
        raise NoGradient("the module can't be differentiated")
    return torch.nan_to_num(gradient)


def _length(x: Any) -> Any:
    return x.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None, None]
