"""A block's name holds everything that decides its content, and nothing else."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

import mrpcheck
from mrpcheck import store
from mrpcheck.events import Captured, Plateau
from mrpcheck.measures import accuracy
from mrpcheck.nets import Net
from mrpcheck.objectives import MaskedLatents, MaskedPixels
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.training import finetune, linear_probe, pretrain, supervise
from mrpcheck.views import MultiView

SETUP = Setup(
    data=MultiView(classes=2, dim=4, patches=6, sparsity=1.0),
    net=Net(kernels_per_class=2, power=3),
    recipe=Recipe(samples=4, steps=2, tune_steps=2),
)
TRIALS = Trials(count=2)


def trained(action):
    """How many trials `action` trains (and does not read back)."""
    before = store.counts()["trained"]
    action()
    return store.counts()["trained"] - before


def square(kernels, patches):
    return (kernels**2).sum()


def cube(kernels, patches):
    return (kernels**3).sum()


REQUESTS = {
    "": (SETUP, TRIALS, None),
    "seed": (SETUP, replace(TRIALS, seed=1), None),
    "stream": (SETUP, replace(TRIALS, stream="confirm"), None),
    "first": (SETUP, replace(TRIALS, first=2), None),
    "count": (SETUP, replace(TRIALS, count=1), None),
    "dtype": (SETUP, replace(TRIALS, dtype="float64"), None),
    "horizon": (SETUP, replace(TRIALS, horizon=2), None),
    "fixed": (SETUP, TRIALS.fixing("kernels"), None),
    "two fixed": (SETUP, TRIALS.fixing("kernels", "features"), None),
    "redrawn": (SETUP, TRIALS.redrawing("kernels"), None),
    "captured": (SETUP, TRIALS, Captured()),
    "captured twice": (SETUP, TRIALS, Captured(times=2)),
    "plateau": (SETUP, TRIALS, Plateau()),
    "longer plateau": (SETUP, TRIALS, Plateau(over=51)),
    "data": (SETUP.derive(noise=0.011), TRIALS, None),
    "net": (SETUP.derive(threshold=0.31), TRIALS, None),
    "recipe": (SETUP.derive(rate=0.41), TRIALS, None),
    "decoder": (SETUP.derive(decoder="free"), TRIALS, None),
    "keep": (SETUP.derive(keep=0.51), TRIALS, None),
    "objective": (SETUP.derive(objective=MaskedLatents()), TRIALS, None),
    "own": (SETUP.derive(objective=square), TRIALS, None),
    "another own": (SETUP.derive(objective=cube), TRIALS, None),
    "parent": (SETUP.replace(noise=0.012).derive(noise=SETUP.data.noise), TRIALS, None),
}


def test_whatever_decides_the_content_decides_the_name():
    names = {what: pretrain(*request).name for what, request in REQUESTS.items()}
    assert len(set(names.values())) == len(REQUESTS)


@pytest.mark.parametrize("what", REQUESTS)
def test_the_same_request_is_answered_from_the_store(what):
    setup, trials, until = REQUESTS[what]
    first = pretrain(setup, trials, until)
    again = replace(trials, facts=type(trials.facts)())
    assert trained(lambda: pretrain(Setup.from_json(setup.to_json(), square if what == "own" else
                                                    cube if "own" in what else None),
                                    again, until)) == 0  # fmt: skip
    assert trained(lambda: pretrain(setup, replace(trials, patient=False), until)) == 0
    assert first.kernels.equal(pretrain(setup, again, until).kernels)


def test_devices_have_blocks_of_their_own():
    from mrpcheck import training

    names = {
        training._name("pretrain", SETUP, replace(TRIALS, device=device), "None")
        for device in ("cpu", "cuda", "cuda:1")
    }
    assert len(names) == 2  # a kind of device, not its number


def test_sharing_follows_what_training_sees():
    """A multiple of the capture time goes on from the capture; SL does not see the objective."""
    pretrain(SETUP, TRIALS, Captured())
    assert trained(lambda: pretrain(SETUP, TRIALS, Captured(times=2))) == 2
    assert trained(lambda: pretrain(SETUP, TRIALS, Captured(times=3))) == 2
    assert trained(lambda: supervise(SETUP, TRIALS)) == 2
    assert trained(lambda: supervise(SETUP.derive(objective=MaskedLatents()), TRIALS)) == 0
    assert trained(lambda: supervise(SETUP.derive(tune_rate=0.5), TRIALS)) == 2
    assert trained(lambda: supervise(SETUP, TRIALS, "trained")) == 2


def test_heads_on_other_encoders_are_other_blocks():
    encoders = [pretrain(SETUP, TRIALS), pretrain(SETUP, TRIALS, Captured())]
    encoders += [pretrain(SETUP.derive(objective=MaskedPixels(keep=0.6)), TRIALS)]
    names = {how(e, SETUP, TRIALS).name for e in encoders for how in (finetune, linear_probe)}
    assert len(names) == 6


def test_accuracies_are_kept_by_model_kind_and_setup():
    model = supervise(SETUP, TRIALS)
    folder = store.folder()

    def blocks():
        return len(list(folder.glob("*/*.npz")))

    count = blocks()
    for kind in ("single-view", "multi-view", "mixed", "training", "single-view"):
        accuracy(model, SETUP, TRIALS, kind)
    assert blocks() == count + 4
    easier = SETUP.derive(noise=0.0)  # other samples, same model
    accuracy(model, easier, TRIALS, "single-view")
    assert blocks() == count + 5
    before = store.counts()
    accuracy(model, SETUP, TRIALS, "single-view")
    assert store.counts() == before  # not a training


def imports(module):
    """The package's modules that a module imports, by name; those of a folder, of all its files."""
    here = Path(mrpcheck.__file__).parent
    files = here.glob(f"{module}/*.py") if (here / module).is_dir() else [here / f"{module}.py"]
    for node in (node for file in files for node in ast.walk(ast.parse(file.read_text()))):
        if isinstance(node, ast.ImportFrom) and node.module == "mrpcheck":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mrpcheck."):
            yield node.module.removeprefix("mrpcheck.")


def test_the_digest_of_sources_covers_all_that_training_imports():
    seen, todo = set(), ["training", "measures", "downstream"]
    while todo:
        module = todo.pop()
        module = module.partition(".")[0]
        if module not in seen:
            seen.add(module)
            todo += set(imports(module)) - {"displays"}  # how a setup looks trains nothing
    assert {"views", "descent", "nets"} < seen
    assert set(store.FOLDERS) < seen
    assert seen - {"store"} <= {*store.SOURCES, *store.FOLDERS}


def test_the_digest_of_sources_moves_with_them(monkeypatch, tmp_path):
    fresh = store.source_digest.__wrapped__
    here = Path(store.__file__).parent
    modules = [here / f"{name}.py" for name in store.SOURCES]
    inside = [file for folder in store.FOLDERS for file in here.glob(f"{folder}/*.py")]
    for file in [*modules, *inside, here / "step.cpp"]:
        copy = tmp_path / file.relative_to(here)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(file.read_bytes())
    monkeypatch.setattr(store, "__file__", str(tmp_path / "store.py"))
    assert fresh() == store.source_digest()
    for file in (
        tmp_path / "views.py",
        tmp_path / "objectives" / "pixels.py",
        tmp_path / "encoders" / "__init__.py",
        tmp_path / "step.cpp",
    ):
        before = fresh()
        file.write_text(file.read_text() + "\n")
        assert fresh() != before
