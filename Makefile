# make demo      set up .venv and run the whole story on the bundled digits
# make test      set up what the tests need, check the code and run the tests
# make faults    try every fault there is: failing calls, kills, power cuts, hostile files (half an hour)
# make sabotage  take one safeguard away at a time and see that a test notices
# make coverage  run the tests and say what they never run; figure and gaps are in CONTRIBUTING.md
# make test-lowest  the core of the tests with the oldest versions that pyproject.toml promises
# make site      build docs/ into site/
# make examples  set up Lightning, transformers, Keras, fastai and ultralytics, and run their examples'
#                tests, those that train timm's networks, and the documents' studies in their quick size
# make cluster   install Ray and run the tests of many machines, on a cluster of this one
# make trainers  train programs of others on versions and exports, and write docs/trainers.md;
#                TRAINERS=PATH is a folder of their scripts (half an hour)
PYTHON ?= python3
BIN := .venv/bin

# Where this is set, as in many containers, every process compiles torch anew: five seconds each.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test test-lowest coverage faults sabotage examples cluster trainers check lint fix docs site bench wheel \
	clean

demo: .venv/ready
	$(BIN)/augfactory demo

# mypy takes a minute of one core: it runs beside the tests, and speaks when they are through.
test: lint
	@$(BIN)/mypy >.venv/mypy.txt 2>&1 & types=$$!; \
	$(BIN)/pytest -n 2 --dist worksteal; tests=$$?; \
	wait $$types; typed=$$?; test $$typed -eq 0 || cat .venv/mypy.txt; \
	test $$tests -eq 0 && test $$typed -eq 0

coverage: .venv/ready-dev
	$(BIN)/pytest -n 2 --dist worksteal --cov --cov-report=term:skip-covered

# Whole rooms and what reads and writes files; the words of other versions of typer are not held,
# nor a figure that the oldest matplotlib draws a pixel narrower.
LOWEST := .venv-lowest/bin
test-lowest: .venv-lowest/ready
	$(LOWEST)/python -m pytest -n 2 --dist worksteal -p no:cacheprovider \
		--deselect tests/report/test_calibration_figures.py::test_any_bins_are_drawn \
		tests/arrays tests/methods tests/pipeline tests/store tests/sources tests/guarded tests/vae \
		tests/engines tests/evaluation tests/report tests/test_api.py tests/cli/test_formats.py \
		tests/commands/test_evaluate.py tests/commands/test_export.py tests/commands/test_verify.py \
		tests/commands/test_loader.py tests/commands/test_external_loaders.py

site: .venv/ready-site
	$(BIN)/python tools/site.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

faults: .venv/ready-dev
	$(BIN)/python -m tests.faults.run

sabotage: .venv/ready-dev
	$(BIN)/python tools/sabotage.py

examples: .venv/ready-examples
	$(BIN)/pytest -m heavy tests/examples tests/cli/test_studies.py

cluster: .venv/ready-dev
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[ray]'
	$(BIN)/pytest tests/engines

trainers: .venv/ready-trainers
	test -n "$(TRAINERS)" || { echo "TRAINERS=PATH: a folder of the scripts that no package installs"; exit 2; }
	$(BIN)/python tools/trainers.py --trainers "$(TRAINERS)"

check: lint
	$(BIN)/mypy

lint: .venv/ready-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

fix: .venv/ready-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/ready-dev
	$(BIN)/python tools/write_docs.py

bench: .venv/ready-dev
	$(BIN)/python benchmarks/methods.py
	$(BIN)/python benchmarks/reading.py
	$(BIN)/python benchmarks/expanding.py
	@if $(BIN)/python -c "import pythae" 2>/dev/null; then $(BIN)/python benchmarks/vae_training.py; \
	else echo "vae_training.py is left out: pythae is not installed, see its first lines"; fi

wheel: .venv/ready-dev
	$(BIN)/python -m build --wheel

clean:
	rm -rf .venv .venv-lowest .site dist site

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	$(BIN)/python tools/torchvision_hook.py
	touch $@

# Nothing is compiled beforehand: Python does so with what it imports, a small part of all this.
.venv/ready-dev: pyproject.toml constraints.txt
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-compile --constraint constraints.txt --editable '.[dev,s3-tests]'
	$(BIN)/python tools/torchvision_hook.py
	touch .venv/ready $@

# ultralytics asks for another build of OpenCV, which needs a display and displaces ours.
WITHOUT_DEPENDENCIES := ultralytics ultralytics-thop polars polars-runtime-32 py-cpuinfo
.venv/ready-examples: .venv/ready-dev
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[examples]'
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps $(WITHOUT_DEPENDENCIES)
	touch $@

# Everything that the table of docs/trainers.md names.
.venv/ready-trainers: .venv/ready-examples
	$(BIN)/pip install --quiet --constraint constraints.txt tensorflow-cpu evaluate lightgbm \
		'jsonargparse[signatures]' addict einops mat4py modelindex yapf termcolor importlib_metadata
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps xgboost-cpu mmpretrain mmengine \
		mmcv-lite
	touch $@

.venv/ready-site: .venv/ready
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[site]'
	touch $@

.venv-lowest/ready: pyproject.toml constraints.txt tools/lowest.py
	$(PYTHON) -m venv .venv-lowest
	$(PYTHON) tools/lowest.py >.venv-lowest/constraints-lowest.txt
	$(LOWEST)/pip install --quiet --no-compile --constraint .venv-lowest/constraints-lowest.txt \
		--editable '.[dev]'
	$(LOWEST)/python tools/torchvision_hook.py
	touch $@
