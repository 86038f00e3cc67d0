"""On real photographs the judged quality ranks new ones above varied ones above decoded ones.

The photographs are not part of this repository: AUGFACTORY_PHOTOGRAPHS names a folder with `train`
and `test`, each of class folders of colour images, such as a part of CIFAR-10.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from augfactory.commands.evaluate.quality import quality
from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.commands.vae.train import VaeTrainRequest, vae_train
from augfactory.records import SourceSpec

PHOTOGRAPHS = os.environ.get("AUGFACTORY_PHOTOGRAPHS")


@pytest.mark.skipif(PHOTOGRAPHS is None, reason="AUGFACTORY_PHOTOGRAPHS names no photographs")
def test_new_photographs_stand_above_varied_ones_above_decoded_ones(tmp_path: Path) -> None:
    assert PHOTOGRAPHS is not None
    train = SourceSpec(f"{PHOTOGRAPHS}:train")
    model = vae_train(
        VaeTrainRequest(train, tmp_path / "model", n_train=500, latent=20), Progress()
    )
    decoded = model.config.result.decoded
    assert decoded is not None
    assert decoded.read < decoded.originals_read
    assert decoded.advice() == "leave the model out"
    plain = ExpandRequest(train, tmp_path / "varied", (3,), n_train=500)
    encoded = replace(
        plain,
        source=SourceSpec(str(model.out)),
        out=tmp_path / "decoded",
        n_train=None,
        geometry=None,
    )
    found = {}
    for request, method in ((plain, "geometry"), (encoded, "vae")):
        (dataset,) = expand(request, Progress())
        result = quality(str(dataset.path), Progress(), SourceSpec(f"{PHOTOGRAPHS}:test"))
        judgement = result.methods[method].judgement
        assert judgement is not None
        found[method] = judgement.overall
        assert result.held_out is not None
        assert result.held_out.judgement is not None
        found["new"] = result.held_out.judgement.overall
    ranked = ("new", "geometry", "vae")
    sharpness = [found[name].sharpness or 0.0 for name in ranked]
    assert sharpness == sorted(sharpness, reverse=True)
    assert sharpness[1] > 3 * sharpness[2]
    new, varied, mush = (found[name].read or 0.0 for name in ranked)
    assert new > varied - 0.03  # what varied images lose is less than two standard errors
    assert min(new, varied) > 1.2 * mush
