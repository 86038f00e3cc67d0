"""A configuration of mmpretrain's own tools/train.py: CustomDataset over class folders."""

default_scope = "mmpretrain"


def _loader(folder, shuffle):
    """Return the loader of one split."""
    steps = [
        {"type": "LoadImageFromFile"},
        {"type": "Resize", "scale": 32},
        {"type": "PackInputs"},
    ]
    dataset = {"type": "CustomDataset", "data_root": "DIR", "data_prefix": folder}
    return {
        "batch_size": 32,
        "num_workers": 0,
        "persistent_workers": False,
        "sampler": {"type": "DefaultSampler", "shuffle": shuffle},
        "dataset": {**dataset, "with_label": True, "pipeline": steps},
    }


model = {
    "type": "ImageClassifier",
    "backbone": {"type": "MobileNetV2", "widen_factor": 0.5},
    "neck": {"type": "GlobalAveragePooling"},
    "head": {
        "type": "LinearClsHead",
        "num_classes": 10,
        "in_channels": 1280,
        "loss": {"type": "CrossEntropyLoss"},
        "topk": (1,),
    },
}
data_preprocessor = {"num_classes": 10, "mean": [127.5] * 3, "std": [127.5] * 3, "to_rgb": True}
train_dataloader = _loader("train", True)
val_dataloader = _loader("val", False)
val_evaluator = {"type": "Accuracy", "topk": (1,)}
train_cfg = {"by_epoch": True, "max_epochs": 6, "val_interval": 6}
val_cfg = {}
optim_wrapper = {"optimizer": {"type": "Adam", "lr": 2e-3}}
