"""`python -m graphon_lib prune`: the masks that it saves, what it reports, and what it refuses."""

import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch_networks import Block, auxiliary, linear, resnet, same, setting, vgg

from graphon_lib.__main__ import main
from graphon_lib.graphons import path_density
from graphon_lib.pruning import METHODS, prune
from graphon_lib.pruning.chain import why_no_chain
from graphon_lib.pruning.masks import DisconnectedWarning
from graphon_lib.pruning.networks import ModuleNetwork


@pytest.fixture
def files(tmp_path):
    """Write weights and a batch; return the network, the batch, and the arguments of the command."""

    def write(build):
        model, x, y = setting(build)
        torch.save(model.state_dict(), tmp_path / "weights.pt")
        np.savez(tmp_path / "batch.npz", x=x.numpy(), y=y.numpy())
        arguments = {
            "--state": tmp_path / "weights.pt",
            "--data": tmp_path / "batch.npz",
            "--method": "snip",
            "--density": 0.3,
            "-o": tmp_path / "masks.pt",
        }
        return model, x, y, {"model": f"torch_networks:{build.__name__}", **arguments}

    return write


def run(arguments, *flags):
    arguments = dict(arguments)
    words = [str(word) for pair in list(arguments.items())[1:] for word in pair]
    try:
        return main(["prune", arguments["model"], *words, *flags])
    except SystemExit as error:
        return error.code


@pytest.mark.parametrize("build", [vgg, linear])
@pytest.mark.parametrize("method", METHODS)
def test_masks_are_those_of_prune_and_the_table_is_about_them(files, capsys, build, method):
    model, x, y, arguments = files(build)
    rounds = {"--rounds": 5} if METHODS[method].rounds > 1 else {}
    for training in (False, True):
        flags = ["--train"] * training
        assert run(arguments | {"--method": method} | rounds, *flags) == 0
        out, err = capsys.readouterr()
        assert err == ""
        options = {"rounds": rounds["--rounds"]} if rounds else {}
        generator = torch.Generator().manual_seed(0)
        masks = prune(model.train(training), method, 0.3, x, y, generator=generator, **options)
        assert same(torch.load(arguments["-o"], weights_only=True), masks)
        lines = out.splitlines()
        assert lines[0].split() == ["layer", "shape", "density", "dead", "units", "signal"]
        for line, (name, mask) in zip(lines[1:], masks.items(), strict=False):
            assert line.split()[:2] == [name, "x".join(map(str, mask.shape))]
            assert float(line.split()[2]) == pytest.approx(float(mask.float().mean()), abs=1e-4)
        printed = float(re.search(r"Path density: (\S+)", out).group(1))
        if build is linear:
            exact = path_density(list(masks.values()))
            assert printed == pytest.approx(exact, rel=5e-3)
        assert 0 < printed < 1


def test_signal_and_what_to_do_about_it(files, capsys):
    _, _, _, arguments = files(linear)
    assert run(arguments | {"--method": "random", "--density": 0.1}) == 0
    out = capsys.readouterr().out
    assert "restore it with graphon_lib.pruning.rescale_signal(model, x)" in out
    assert run(arguments | {"--density": 1.0}) == 0
    assert "Nothing is amiss" in capsys.readouterr().out


def test_an_empty_layer_is_named(files, capsys):
    model, _, _, arguments = files(linear)
    with torch.no_grad():
        model[1][0].weight.mul_(1e-6)
    torch.save(model.state_dict(), arguments["--state"])
    assert run(arguments | {"--method": "magnitude"}) == 0
    out = capsys.readouterr().out
    assert "Empty, so that nothing passes through the network unless there is a way around" in out
    assert "around: 1.0.weight. Take a higher --density" in out
    assert "Path density: 0" in out


def test_layers_that_are_not_called_have_no_signal(files, capsys):
    _, _, _, arguments = files(auxiliary)
    assert run(arguments) == 0
    out = capsys.readouterr().out
    assert re.search(r"^unused\.weight .* -$", out, re.MULTILINE)
    assert "-: not called on this batch" in out
    assert "nan" not in out


def test_scores_that_vanish_are_told_of(files):
    model, _, _, arguments = files(linear)
    # Biases would send a flow of their own.
    state = {name: v * ("weight" in name) for name, v in model.state_dict().items()}
    torch.save(state, arguments["--state"])
    few = {"--method": "synflow", "--density": 0.005, "--rounds": 20}
    with pytest.warns(DisconnectedWarning, match="all scores are zero from round"):
        assert run(arguments | few) == 0


class Named(nn.Sequential):
    """A chain whose layers are called by keyword."""

    def forward(self, x):
        return self[1](input=self[0](input=x).relu())


class Backwards(nn.Sequential):
    """A chain whose layers stand in another order than they are called in."""

    def forward(self, x):
        return self[0](self[1](x).relu_())


def separate():
    return nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), Block(6), Block(6))


@pytest.mark.parametrize(
    ("build", "shape", "why"),
    [
        (vgg, (3, 8, 8), None),
        (linear, (12,), None),
        (resnet, (3, 8, 8), r"1\.conv\.weight is called several times"),
        (separate, (3, 8, 8), r"2\.conv\.weight takes in more than the layer before sends"),
        (lambda: separate()[:2], (3, 8, 8), "outputs depend on more than the last layer"),
        (lambda: Named(nn.Linear(3, 4), nn.Linear(4, 2)), (3,), None),
        (lambda: Backwards(nn.Linear(4, 2), nn.Linear(3, 4)), (3,), "called in another order"),
    ],
)
def test_chains_are_known_by_what_layers_take_in(build, shape, why):
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        found = why_no_chain(ModuleNetwork(build()), torch.randn(4, *shape))
    assert found is None if why is None else re.search(why, found)


def test_networks_that_are_no_chain_have_no_path_density(files, capsys):
    _, _, _, arguments = files(resnet)
    assert run(arguments) == 0
    out = capsys.readouterr().out
    assert "Path density: not defined, the layers are no chain: 1.conv.weight is called" in out


def junk(tmp_path, content=b"no tensors"):
    path = tmp_path / "junk"
    path.write_bytes(content)
    return path


WRONG = [
    ({"--density": 0.0}, r"density must be a kept fraction in \(0, 1\], got 0\.0"),
    ({"--density": "many"}, "argument --density: invalid float value: 'many'"),
    ({"--method": "snap"}, "argument --method: invalid choice: 'snap' .*random.*synflow"),
    ({"--rounds": 0}, "rounds must be an integer >= 1, got 0"),
    ({"--rounds": 3, "--method": "grasp"}, "rounds must be 1 for method 'grasp', got 3"),
    ({"--state": "missing.pt"}, r"No such file or directory: 'missing\.pt'"),
    ({"--data": "missing.npz"}, r"No such file or directory: 'missing\.npz'"),
    ({"--state": junk}, "--state must be torch.save of a state_dict of the model, of tensors alone"),
    ({"--data": junk}, r"--data must be an \.npz file with an array x"),
    ({"-o": "nowhere/masks.pt"}, "--output must be a file in a folder that is there, got nowhere"),
    ({"-o": lambda folder: folder}, "--output must be a file in a folder that is there, got /"),
    ({"model": "torch_networks:nothing"}, "AttributeError: .* has no attribute 'nothing'"),
    ({"model": "no_such_package:net"}, "model must be package.module:callable.*No module named"),
    ({"model": "torch_networks"}, "model must be package.module:callable"),
    ({"model": "builtins:dict"}, "model must be a callable that returns a torch.nn.Module, got dict"),
    ({"model": "torch_networks:vgg"}, "--state must be .* Error"),
    ({"model": "torch.nn:ReLU"}, "--state must be"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_errors_are_one_line(files, capsys, tmp_path, change, message):
    _, _, _, arguments = files(linear)
    change = {k: v(tmp_path) if callable(v) else v for k, v in change.items()}
    assert run(arguments | change) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert re.search(message, err)
    assert not Path(arguments["-o"]).exists()


def test_code_in_a_file_of_weights_is_not_run(files, capsys, tmp_path):
    _, _, _, arguments = files(linear)
    ran = tmp_path / "ran"

    class Touch:
        def __reduce__(self):
            return Path.touch, (ran,)

    torch.save({"0.0.weight": Touch()}, tmp_path / "evil.pt")
    with open(tmp_path / "evil.npz", "wb") as file:
        np.savez(file, x=np.array([Touch()], dtype=object))
    (tmp_path / "evil.pickle").write_bytes(pickle.dumps(Touch()))
    for change in ({"--state": "evil.pt"}, {"--data": "evil.npz"}, {"--data": "evil.pickle"}):
        change = {key: tmp_path / name for key, name in change.items()}
        assert run(arguments | change) == 2
    assert not ran.exists()
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.slow
def test_a_network_of_torchvision(torchvision, tmp_path, capsys):
    torch.manual_seed(0)
    torch.save(torchvision.models.vgg11().state_dict(), tmp_path / "weights.pt")
    x, y = np.random.default_rng(0).normal(size=(4, 3, 64, 64)), np.arange(4)
    np.savez(tmp_path / "batch.npz", x=x, y=y)
    paths = {"--state": "weights.pt", "--data": "batch.npz", "-o": "masks.pt"}
    arguments = {"model": "torchvision.models:vgg11", "--method": "snip", "--density": 0.05}
    assert run(arguments | {flag: tmp_path / name for flag, name in paths.items()}) == 0
    out = capsys.readouterr().out
    assert "Path density: " in out
    assert "not" not in out.split("Path density: ")[1].split("\n")[0]
    masks = torch.load(tmp_path / "masks.pt", weights_only=True)
    assert sum(int(mask.sum()) for mask in masks.values()) == round(0.05 * 132_851_392)


def test_the_command_line():
    words = ["-m", "graphon_lib", "prune", "x:y", "--method", "snip"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "python -m graphon_lib prune: the following arguments are required: --state, --data, "
        "--density, -o/--output; see --help"
    ]
