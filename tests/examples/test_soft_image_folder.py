"""The ImageFolder of examples/ gives every image the shares that the version has for it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.pipeline.recipes.stages import mix_stage
from augfactory.records import SourceSpec
from augfactory.store.reader import open_version, read_rows

EXAMPLE = Path(__file__).parents[2] / "examples" / "soft_image_folder.py"
NAMES = [str(number) for number in range(12)]  # the version counts as people do, torchvision not
# What a training script of others does, in a folder with a module of its own.
SCRIPT = """
import json, sys
import numpy as np
import own
import torchvision
from torch.utils.data.dataloader import default_collate
for part in ("train", "val"):
    rows = torchvision.datasets.ImageFolder(f"{sys.argv[1]}/{part}", own.transform)
    images, targets = default_collate([rows[index] for index in range(len(rows))])
    own.kept[part] = [images.tolist(), targets.tolist(), rows.classes]
json.dump(own.kept, open(sys.argv[2], "w"))
"""
OWN = """
import numpy as np
kept = {}
transform = np.array
"""


def test_a_script_of_others_gets_the_shares_of_each_image_in_its_own_order(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (24, 6, 9, 3), dtype=np.uint8)
    labels = np.arange(24) % 12
    np.savez(tmp_path / "set.npz", images=images, labels=labels, class_names=np.array(NAMES))
    mix = (mix_stage("test", "mixup", 2, "originals", {"alpha": 1.0}),)
    spec = SourceSpec(str(tmp_path / "set.npz"))
    asked = ExpandRequest(spec, tmp_path / "set", (1,), mix=mix, format="png")
    version = expand(asked, Progress())[0].path
    data = tmp_path / "data"
    (data / "val").mkdir(parents=True)
    (data / "train").symlink_to(version / "train")
    for name in NAMES:  # validation images have no table, and keep their classes
        (data / "val" / name).mkdir()
        Image.fromarray(images[int(name)]).save(data / "val" / name / "one.png")
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    words = [str(EXAMPLE), "--run", str(tmp_path / "script.py"), str(data), "found.json"]
    told = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))

    shown, targets, classes = found["train"]
    assert classes == sorted(NAMES) != NAMES
    opened = open_version(version)
    stored = read_rows(opened, 0, len(opened.source))
    names = list(opened.source.class_names)
    assert names == NAMES
    expected = {
        image.tobytes(): [float(shares[names.index(name)]) for name in classes]
        for image, shares in zip(stored.image, stored.soft_label, strict=True)
    }
    assert len(expected) == len(shown) == 72
    for image, shares in zip(shown, targets, strict=True):
        assert shares == expected[np.array(image, dtype=np.uint8).tobytes()]
    assert sum(max(shares) < 1 for shares in targets) > 20  # mixtures
    assert found["val"][1] == list(range(12))
