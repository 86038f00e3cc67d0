"""Take one safeguard away at a time, and see that the tests notice: ``make sabotage``.

Each line of ``SABOTAGES`` names a file, a text in it, what is put in its place, and a test that
must fail then. It is done to a copy of the tree, never to the tree itself. Exits with 1 where a
sabotage went unnoticed, or could not be carried out because the text is not there any more.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
COPIED = ("augfactory", "tests", "tools", "data/digits", "pyproject.toml")
WRITE_ORDER = "tests/faults/test_write_order.py::test_expand[hdf5]"
UNTRUSTED = "tests/commands/test_untrusted_versions.py"
DAMAGED = (
    "tests/commands/test_damaged_builds.py::test_the_same_command_makes_what_it_would_have_made"
)
MANY_FILES = (
    "tests/faults/test_write_order.py::"
    "test_expand_of_so_many_files_that_all_disks_are_flushed_at_once"
)


class Sabotage(NamedTuple):
    """One safeguard, and the test that is there for it."""

    what: str
    file: str
    text: str
    instead: str
    test: str
    size: str = "reduced"  # or "full": see tests/faults/counting.py


SABOTAGES = (
    Sabotage(
        "a file is not flushed before it gets its name",
        "augfactory/store/disk/atomic.py",
        "                yield file\n            system.fsync(descriptor)\n",
        "                yield file\n",
        WRITE_ORDER,
    ),
    Sabotage(
        "a folder is not flushed after a rename",
        "augfactory/store/disk/atomic.py",
        "        system.replace(temporary, path)\n        sync_folder(path.parent)",
        "        system.replace(temporary, path)",
        "tests/faults/test_write_order.py::test_vae_train",
        "full",
    ),
    Sabotage(
        "a file is written where it will be read",
        "augfactory/store/disk/atomic.py",
        '    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(4)}")',
        "    temporary = path",
        "tests/faults/test_kills.py",
    ),
    Sabotage(
        "a version's name is not flushed",
        "augfactory/store/disk/atomic.py",
        "        system.replace(building, final)\n        sync_folder(final.parent)",
        "        system.replace(building, final)",
        WRITE_ORDER,
    ),
    Sabotage(
        "many files are not flushed",
        "augfactory/store/disk/atomic.py",
        "        if at_once:\n            system.sync()",
        "        if at_once:\n            pass",
        MANY_FILES,
    ),
    Sabotage(
        "a file that is written twice is away for a moment",
        "augfactory/store/disk/atomic.py",
        "if path.is_dir() and not path.is_symlink():\n            _remove(path)\n    beside",
        "if True:\n            _remove(path)\n    beside",
        "tests/store/test_shards.py::"
        "test_a_shard_that_is_written_twice_is_whole_all_the_while[png]",
    ),
    Sabotage(
        "a machine of a cluster may have other versions",
        "augfactory/engines/nodes.py",
        "    if other is not None:",
        "    if other is None:",
        "tests/engines/test_nodes.py::test_another_version_of_a_library_is_refused",
    ),
    Sabotage(
        "a record that a network disk does not show yet is not waited for",
        "augfactory/commands/expand/rendering/shard.py",
        "            wait_for_shard(tasks[task].building, tasks[task].index)\n",
        "",
        "tests/engines/test_nodes.py::test_shards_that_were_written_elsewhere_are_told",
    ),
    Sabotage(
        "a lock that cannot be had is taken for another writer",
        "augfactory/store/disk/lock.py",
        "            if error.errno in HELD:",
        "            if True:",
        "tests/store/test_lock.py",
    ),
    Sabotage(
        "several may write at once",
        "augfactory/store/disk/lock.py",
        "            system.flock(descriptor)\n",
        "            pass\n",
        "tests/store/test_lock.py",
    ),
    Sabotage(
        "paths may lead up",
        "augfactory/guarded/files.py",
        '        any(part in ("", ".", "..") for part in parts)',
        "        False",
        "tests/guarded/test_files.py",
    ),
    Sabotage(
        "what is not a regular file is opened",
        "augfactory/guarded/files.py",
        "    kind = kind_of(mode)\n    if kind is not None:",
        "    kind = kind_of(mode)\n    if kind is None and kind:",
        "tests/guarded/test_files.py",
    ),
    Sabotage(
        "links inside a version are followed",
        "augfactory/guarded/files.py",
        "    return open_regular(inside(folder, path), follow=False)",
        "    return open_regular(inside(folder, path))",
        "tests/guarded/test_files.py",
    ),
    Sabotage(
        "HDF5 may point at other files",
        "augfactory/guarded/hdf5.py",
        "    if dataset.is_virtual or dataset.external or properties.get_layout() not in LAYOUTS:",
        "    if False:",
        "tests/guarded/test_hdf5.py",
    ),
    Sabotage(
        "a folder on the way that is a link is followed",
        "augfactory/guarded/files.py",
        "        if not stat.S_ISDIR(mode):\n",
        "        if False:\n",
        "tests/guarded/test_files.py",
    ),
    Sabotage(
        "HDF5 may declare more than it holds",
        "augfactory/guarded/hdf5.py",
        "        written = needed == 0 or needed <= dataset.id.get_storage_size() <= file_bytes",
        "        written = True",
        "tests/guarded/test_hdf5.py",
    ),
    Sabotage(
        "a table may declare any number of rows",
        "augfactory/guarded/parquet.py",
        "    if not 0 <= rows <= most_rows:",
        "    if rows < 0:",
        "tests/guarded/test_parquet.py",
    ),
    Sabotage(
        "text is shown as it is",
        "augfactory/guarded/text.py",
        "        if letter in keep or not (letter in TURNING or breaks_text(letter))",
        "        if True",
        "tests/guarded/test_text.py",
    ),
    Sabotage(
        "a picture is unpacked whatever it declares",
        "augfactory/store/formats/png.py",
        "            if (image.size, image.mode) != ",
        "            if False and (image.size, image.mode) != ",
        "tests/store/test_png.py",
    ),
    Sabotage(
        "members of a tar may be called anything",
        "augfactory/store/formats/webdataset.py",
        '            name != f"{first + row:08d}.{PARTS[ending]}"\n            or header',
        "            header",
        f"{UNTRUSTED}::test_members_of_a_tar_are_called_as_they_were_written",
    ),
    Sabotage(
        "a lock that is a link is followed",
        "augfactory/store/disk/system.py",
        ' | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)',
        ' | getattr(os, "O_BINARY", 0)',
        "tests/store/test_lock.py",
    ),
    Sabotage(
        "a lock is taken of a file that is gone",
        "augfactory/store/disk/lock.py",
        "            if _is_still(descriptor, path):",
        "            if True:",
        "tests/store/test_lock.py",
    ),
    Sabotage(
        "a resumed shard is not hashed again",
        "augfactory/store/shards.py",
        "            if rehash\n",
        "            if False\n",
        f"{DAMAGED}[hdf5-one byte of a shard]",
    ),
    Sabotage(
        "what other libraries rendered is published with what today's do",
        "augfactory/commands/expand/rendering/libraries.py",
        "    if other is None:\n        return\n",
        "    if True:\n        return\n",
        "tests/commands/test_other_libraries.py::"
        "test_what_other_libraries_rendered_is_made_again[hdf5]",
    ),
    Sabotage(
        "what is foreign is published with the version",
        "augfactory/store/shards.py",
        "    for path in extra_entries(building, layout_of(manifest)):\n        remove(path)\n",
        "    remove(building / STATE)\n",
        f"{DAMAGED}[hdf5-a foreign file]",
    ),
    Sabotage(
        "shards are not held to the manifest when opened",
        "augfactory/store/reader.py",
        "    if verify:\n        check_files",
        "    if False:\n        check_files",
        f"{UNTRUSTED}::test_an_edited_shard_is_refused_before_it_is_read",
    ),
    Sabotage(
        "what was checked once is never checked again",
        "augfactory/store/checked.py",
        "            if before == known or ",
        "            if before or ",
        f"{UNTRUSTED}::test_what_was_checked_is_remembered_until_it_changes",
    ),
    Sabotage(
        "images come from files that the manifest does not list",
        "augfactory/store/formats/shard_names.py",
        "    if not found or found != [",
        "    if not found or found == [",
        "tests/store/test_formats.py",
    ),
    Sabotage(
        "a manifest may call a version anything",
        "augfactory/store/manifest_parts.py",
        '    if problem is None and (name in (".", "..") or "/" in name or "\\\\" in name):',
        "    if False:",
        f"{UNTRUSTED}::test_reproduce_writes_where_it_wants_and_not_where_a_manifest_says",
    ),
    Sabotage(
        "verify looks at the files that are listed alone",
        "augfactory/commands/versions/verify.py",
        "    foreign = foreign_entries(folder, layout_of(manifest))\n",
        "    foreign = foreign_entries(folder, layout_of(manifest))[:0]\n",
        "tests/faults/test_structure.py::test_each_is_seen[hdf5]",
    ),
    Sabotage(
        "verify does not hash",
        "augfactory/commands/versions/verify.py",
        "    same = found == (expected.size, expected.sha256)",
        "    same = found[0] == expected.size",
        "tests/commands/test_verify.py",
    ),
    Sabotage(
        "verify believes what the manifest counts",
        "augfactory/commands/versions/verify.py",
        "        if told not in (found, None):",
        "        if False:",
        f"{UNTRUSTED}::test_an_edited_manifest_is_exit_code_4_even_when_its_sums_were_renewed[counts]",
    ),
    Sabotage(
        "verify reads SHA256SUMS as a list, whatever else is in it",
        "augfactory/commands/versions/verify.py",
        "        if found != listed and (",
        "        if sorted(found.split()) != sorted(listed.split()) and (",
        "tests/faults/test_structure.py",
    ),
    Sabotage(
        "weights may be no numbers",
        "augfactory/guarded/tensors.py",
        "        if not _is_finite(tensor):",
        "        if False:",
        "tests/vae/test_checkpoint.py",
    ),
    Sabotage(
        "a teacher learns the labelled images that it is tested on",
        "augfactory/evaluation/pseudo_labels.py",
        "labelled.restricted_to(np.flatnonzero(fold != own))",
        "labelled",
        "tests/evaluation/test_pseudo_labels.py",
    ),
    Sabotage(
        "labelled images serve as unlabelled ones too",
        "augfactory/commands/opening/unlabelled.py",
        "~(known | held)",
        "~held",
        "tests/sources/test_unlabelled.py",
    ),
    Sabotage(
        "validation images serve as unlabelled ones",
        "augfactory/commands/opening/unlabelled.py",
        "~(known | held)",
        "~known",
        "tests/commands/test_pseudo_label.py"
        "::test_what_is_kept_for_validation_is_left_out_of_the_unlabelled_images",
    ),
    Sabotage(
        "a judge learns copies of what it judges",
        "augfactory/evaluation/images/judges.py",
        "folds_of(source.labels, folds, equal_images(source))",
        "folds_of(source.labels, folds)",
        "tests/evaluation/test_judges.py::test_no_judge_learns_a_copy_of_what_it_judges",
    ),
    Sabotage(
        "a recipe is chosen by copies of what was trained on",
        "augfactory/commands/tune/tune.py",
        "groups = None if alone else together",
        "groups = None",
        "tests/commands/test_tune.py::test_no_copy_of_a_test_image_is_trained_on",
    ),
    Sabotage(
        "test images may look like unlabelled ones",
        "augfactory/commands/evaluate/checks.py",
        "near_duplicates(originals, inputs.test, inputs.learnt_from)",
        "near_duplicates(originals, inputs.test)",
        "tests/commands/test_pseudo_label.py"
        "::test_test_images_that_look_like_unlabelled_ones_are_told",
    ),
    Sabotage(
        "guesses pass for labels without a word",
        "augfactory/evaluation/trust.py",
        "if self.labelled and not self.beats_chance:",
        "if False:",
        "tests/evaluation/test_trust.py::test_what_is_read_by_chance_is_warned_of_once",
    ),
    Sabotage(
        "test images may stand among the unlabelled ones",
        "augfactory/commands/evaluate/inputs.py",
        '            (unlabelled, f"{version.address} was made from", open_unlabelled),\n',
        "",
        "tests/commands/test_pseudo_label.py",
    ),
    Sabotage(
        "unlabelled images that come again are not varied",
        "augfactory/pipeline/render.py",
        "again = rows[plan.round[rows] > 0]",
        "again = rows[:0]",
        "tests/commands/test_pseudo_label.py",
    ),
    Sabotage(
        "sets labelled by other weights count as one",
        "augfactory/commands/expand/request.py",
        '    said = {**asked, "weights_sha256": spec.weights_sha256}\n',
        "    said = {**asked}\n",
        "tests/commands/test_pseudo_label.py",
    ),
    Sabotage(
        "what labels starts anew in place of its weights",
        "augfactory/commands/expand/pseudo_labelling.py",
        "        find_classifier(stage.classifier, given.weights),\n        steps",
        "        find_classifier(stage.classifier, None),\n        steps",
        "tests/commands/test_pseudo_label.py",
    ),
    Sabotage(
        "an online arm is weaker than the set of that name",
        "augfactory/commands/evaluate/online_arms.py",
        "            asked = STRENGTHS.get(method, {})\n",
        "            asked = {}\n",
        "tests/commands/test_evaluate.py::test_an_arm_varied_further_is_told_with_its_strength",
    ),
    Sabotage(
        "what takes the place of a default is not told",
        "augfactory/commands/expand/in_place.py",
        '        found["mix"] = option_of(mixing[0])\n',
        "        pass\n",
        "tests/commands/test_expand_options.py",
    ),
    Sabotage(
        "recipes are tried on another classifier than is asked for",
        "augfactory/commands/tune/folds.py",
        "    spec = classifier_spec(request.classifier, request.weights)\n",
        '    spec = classifier_spec("quick", None)\n',
        "tests/commands/test_tune.py::test_recipes_are_tried_on_the_classifier_that_is_to_learn_them",
    ),
    Sabotage(
        "images kept apart are not proposed to test on",
        "augfactory/commands/expand/expand.py",
        '        return f"{path.parent}:val"\n',
        '        return "YOUR_TEST_IMAGES"\n',
        "tests/commands/test_validation_told.py",
    ),
    Sabotage(
        "a dry run of a study does not look at its weights",
        "augfactory/cli/study.py",
        "            command.check_classifiers(asked, prepared)\n",
        "",
        "tests/commands/test_study.py::test_a_dry_run_says_what_does_not_fit_a_classifier",
    ),
    Sabotage(
        "copies of test images count one by one",
        "augfactory/evaluation/comparison/intervals.py",
        "            gaps = gaps if groups is None else of_groups(gaps, groups)\n",
        "",
        "tests/commands/test_evaluate.py::test_copies_of_test_images_make_no_interval_narrower",
    ),
    Sabotage(
        "the same trainings under two names count twice",
        "augfactory/evaluation/comparison/compare.py",
        "distinct=[names[0] for names in same_trainings(arms)]",
        "distinct=None",
        "tests/evaluation/test_verdict.py::test_the_same_trainings_under_two_names_count_once",
    ),
    Sabotage(
        "of uneven test images plain accuracy decides",
        "augfactory/evaluation/comparison/compare.py",
        'return "balanced_accuracy" if max(counts) > UNEVEN * min(counts) else "accuracy"',
        'return "accuracy"',
        "tests/evaluation/test_verdict.py::test_of_uneven_test_images_all_classes_count_alike",
    ),
    Sabotage(
        "always naming the largest class is no failure",
        "augfactory/evaluation/comparison/train_run.py",
        "right = float((hits[known] / counts[known]).mean())",
        "right = float(hits.sum() / counts.sum())",
        "tests/evaluation/test_failed_trainings.py",
    ),
    Sabotage(
        "what a few test images cannot tell is a rise",
        "augfactory/evaluation/comparison/curves.py",
        "max(STILL, SURE * self.chance)",
        "STILL",
        "tests/evaluation/test_curves.py",
    ),
    Sabotage(
        "a link in the place of a folder is followed",
        "augfactory/store/shards.py",
        "        for each in (*reversed(inner.parents), inner):\n",
        "        for each in (building, *reversed(inner.parents), folder):\n",
        "tests/store/test_shards.py::test_what_stands_where_a_folder_belongs_makes_way",
    ),
)


def main() -> int:
    """Carry out every sabotage, or those whose words the arguments name."""
    unnoticed = 0
    for sabotage in SABOTAGES:
        if sys.argv[1:] and not any(word in sabotage.what for word in sys.argv[1:]):
            continue
        found = _outcome(sabotage)
        unnoticed += found != "noticed"
        print(f"{found:12s}{sabotage.what:56s}{sabotage.test}", flush=True)
    return int(unnoticed > 0)


def _outcome(sabotage: Sabotage) -> str:
    with tempfile.TemporaryDirectory(prefix="sabotage-") as name:
        copy = Path(name)
        for each in COPIED:
            there = ROOT / each
            (copy / each).parent.mkdir(parents=True, exist_ok=True)
            if there.is_dir():
                shutil.copytree(there, copy / each, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(there, copy / each)
        file = copy / sabotage.file
        text = file.read_text("utf-8")
        if text.count(sabotage.text) != 1:
            return "no such text" if sabotage.text not in text else "ambiguous"
        file.write_text(text.replace(sabotage.text, sabotage.instead), "utf-8")
        test = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", sabotage.test]
        done = subprocess.run(
            [sys.executable, *test],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy), "AUGFACTORY_FAULTS": sabotage.size},
            capture_output=True,
            text=True,
            check=False,
        )
        # 1: tests failed. Anything else, such as a test that is not there, notices nothing.
        return {0: "UNNOTICED", 1: "noticed"}.get(done.returncode, f"pytest {done.returncode}")


if __name__ == "__main__":
    sys.exit(main())
