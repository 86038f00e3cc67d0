"""Which programs of others ``trainers.py`` runs, on which files.

``python SCRIPT`` is looked for among the scripts that are given to it, or in ``trainer_programs/``.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

TEST = "test-digits"
DATA = (
    "expand sample --n-train 100 --factor 5 --mixup 1 --format png --out digits",
    "export digits-x5 --to parquet --out digits-parquet",
    "export digits-x5 --to webdataset --out digits-tar",
    "export digits-x5 --to hdf5 --out digits-h5",
    *(
        f"export digits-x5 --layout {layout} --validation {TEST} --grey --out for-{layout}"
        for layout in ("imagefolder", "ultralytics", "keras", "timm", "hf", "webdataset")
    ),
)
VERSION = "digits-x5/v1"
TIMM = (
    "python timm/train.py {} --model resnet10t --num-classes 10 --img-size 32 --no-aug "
    "--smoothing 0 --opt adamw --lr 2e-3 --warmup-epochs 0 --epochs 4 -b 32 -j 0 --device cpu"
)
VISION = (
    "python torchvision_classification/train.py --data-path {} --model resnet18 --device cpu "
    "--opt adamw --lr 2e-3 -b 32 --epochs 4 -j 0 --train-crop-size 32 --val-resize-size 32 "
    "--val-crop-size 32"
)
IMAGENET = (
    "python pytorch_examples_imagenet/main.py {} -a shufflenet_v2_x0_5 --lr 0.03 -b 16 --epochs 4 "
    "-j 1 --no-accel"
)
LIGHTNING = (
    "python lightning/imagenet.py fit --model.data_path {} --model.arch shufflenet_v2_x0_5 "
    "--model.lr 0.03 --model.batch_size 16 --model.workers 1 --trainer.max_epochs 4 "
    "--trainer.accelerator cpu"
)
TRANSFORMERS = (
    "python transformers/run_image_classification.py {} --model_name_or_path tiny-resnet "
    "--ignore_mismatched_sizes --image_column_name image --label_column_name label --do_train "
    "--do_eval --remove_unused_columns False --num_train_epochs 8 --learning_rate 5e-3 "
    "--per_device_train_batch_size 32 --use_cpu --report_to none --output_dir out"
)
NO_TRAINER = (
    "python transformers/run_image_classification_no_trainer.py {} "
    "--model_name_or_path tiny-resnet "
    "--ignore_mismatched_sizes --image_column_name image --label_column_name label "
    "--num_train_epochs 8 --learning_rate 5e-3 --per_device_train_batch_size 32"
)
YOLO = (
    "yolo classify train data={} model=yolo11n-cls.yaml epochs=12 imgsz=32 batch=32 workers=0 "
    "device=cpu plots=False"
)
ACCURACY = r"accuracy\D{1,4}([\d.]+)"


class Run(NamedTuple):
    """One program on one set of files.

    ``packages`` are told with their versions; the last of ``found`` in what it prints is the
    accuracy, of which ``whole`` is all.
    """

    trainer: str
    packages: tuple[str, ...]
    command: str
    found: str
    whole: float = 1.0


def all_runs() -> list[Run]:
    """Return all of them, those that read a version before those that read an export."""
    return [*_vision_scripts(), *_transformers_scripts(), *_packages()]


def _runs(
    trainer: str, packages: str, command: str, reads: Sequence[str], *found: Any
) -> list[Run]:
    """Return a run for each of ``reads``, which stands where the command has braces."""
    return [Run(trainer, tuple(packages.split()), command.format(each), *found) for each in reads]


def _vision_scripts() -> list[Run]:
    folder = (VERSION, "for-imagefolder")
    reads = (
        f"--data-dir {VERSION}",
        "--data-dir for-timm --class-map for-timm/class_map.txt",
        f"--dataset hfds/{VERSION}",
        "--dataset hfds/for-hf",
        "--dataset wds/ --data-dir digits-tar/v1",
        "--dataset wds/ --data-dir for-webdataset",
    )
    vision, imagenet = r"Test:  Acc@1 ([\d.]+)", r"\* +Acc@1 ([\d.]+)"
    return [
        *_runs("timm `train.py`", "timm", TIMM, reads, r'"top1": ([\d.]+)', 100),
        *_runs("torchvision references", "torchvision", VISION, folder, vision, 100),
        *_runs("pytorch/examples imagenet", "torch", IMAGENET, folder, imagenet, 100),
        *_runs("Lightning imagenet", "lightning", LIGHTNING, folder, r"val_acc1=([\d.]+)"),
    ]


def _transformers_scripts() -> list[Run]:
    reads = (
        f"--dataset_name {VERSION}",
        "--dataset_name digits-parquet/v1",
        "--dataset_name for-hf",
        "--train_dir for-imagefolder/train --validation_dir for-imagefolder/val",
    )
    packages, script = "transformers datasets", "transformers `run_image_classification"
    return [
        *_runs(f"{script}.py`", packages, TRANSFORMERS, reads, r"eval_accuracy +=\s+([\d.]+)"),
        *_runs(f"{script}_no_trainer.py`", packages, NO_TRAINER, reads[2:3], ACCURACY),
    ]


def _packages() -> list[Run]:
    fastai = (f"{VERSION} val", "for-imagefolder val")
    keras = (f"{VERSION}/train {TEST}", "for-keras/train for-keras/val")
    runs = [
        *_runs(
            "ultralytics", "ultralytics", YOLO, (VERSION, "for-ultralytics"), r"all\s+([\d.]+)\s"
        ),
        *_runs(
            "fastai `from_folder`", "fastai", "python fastai_from_folder.py {}", fastai, ACCURACY
        ),
        *_runs(
            "Keras `image_dataset_from_directory`", "keras tensorflow-cpu",
            "python keras_directory.py {}", keras, r"val_accuracy: ([\d.]+)",
        ),
        *_runs(
            "mmpretrain", "mmpretrain mmcv-lite",
            "python mmpretrain/.mim/tools/train.py mmpretrain_custom.py --cfg-options "
            "train_dataloader.dataset.data_root={0} val_dataloader.dataset.data_root={0}",
            ("for-imagefolder",), r"accuracy/top1: ([\d.]+)", 100,
        ),
    ]  # fmt: skip
    tables = {"sklearn": "scikit-learn", "xgboost": "xgboost-cpu", "lightgbm": "lightgbm"}
    for package, told in tables.items():
        read = (f"{package} digits-h5/v1 {TEST}",)
        runs += _runs(told.removesuffix("-cpu"), told, "python tables.py {}", read, ACCURACY)
    return runs
