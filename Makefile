# make demo      set up .venv and run the whole story on the bundled digits
# make test      set up what the tests need, check the code and run the tests
# make faults    try every fault there is: failing calls, kills, power cuts, hostile files (half an hour)
# make sabotage  take one safeguard away at a time and see that a test notices
# make examples  set up Lightning, transformers, Keras and fastai, and run their examples' tests, those
#                that train timm's networks, and the documents' studies in their quick size
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test faults sabotage examples check lint fix docs bench wheel clean

demo: .venv/ready
	$(BIN)/augfactory demo

# mypy takes a minute of one core: it runs beside the tests, and speaks when they are through.
test: lint
	@$(BIN)/mypy >.venv/mypy.txt 2>&1 & types=$$!; \
	$(BIN)/pytest -n 2 --dist worksteal; tests=$$?; \
	wait $$types; typed=$$?; test $$typed -eq 0 || cat .venv/mypy.txt; \
	test $$tests -eq 0 && test $$typed -eq 0

faults: .venv/ready-dev
	$(BIN)/python -m tests.faults.run

sabotage: .venv/ready-dev
	$(BIN)/python tools/sabotage.py

examples: .venv/ready-examples
	$(BIN)/pytest -m heavy tests/examples tests/cli/test_studies.py

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

wheel: .venv/ready-dev
	$(BIN)/python -m build --wheel

clean:
	rm -rf .venv dist

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	$(BIN)/python tools/torchvision_hook.py
	touch $@

# Nothing is compiled beforehand: Python does so with what it imports, a small part of all this.
.venv/ready-dev: pyproject.toml constraints.txt
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-compile --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python tools/torchvision_hook.py
	touch .venv/ready $@

.venv/ready-examples: .venv/ready-dev
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[examples]'
	touch $@
