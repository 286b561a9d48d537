"""Certificates, a cluster of two workers, and pytest run on claims that train."""

import datetime
import importlib.metadata
import ipaddress
import json

import hypothesis.strategies  # noqa: F401 - pytester forgets what is imported first inside it
import pytest
import torch  # noqa: F401 - which does not survive being imported twice

import mrpcheck.downstream
import mrpcheck.plugin.beginning
import mrpcheck.report.page  # noqa: F401

CLAIMS = """
import pytest
from hypothesis import given

from mrpcheck import MultiView, Net, Recipe, Setup
from mrpcheck.claims import at, control, with_probability
from mrpcheck.training import finetune, pretrain

TINY = Setup(
    data=MultiView(classes=2, dim=4, patches=6, sparsity=1.0),
    net=Net(kernels_per_class=1, power=3),
    recipe=Recipe(samples=4, steps=2, tune_steps=2),
)
claimed = with_probability(at_least=0.9, tolerance=0.3)


def lands(setup, trials, share):
    encoder = pretrain(setup, trials)
    tuned = finetune(encoder, setup, trials)
    trials.note(steps=tuned.steps)
    return encoder.kernels[:, 0, 0] > -share * setup.net.init_scale


@at(setup=[TINY, TINY.replace(noise=0.02)])
@claimed
def test_true(setup, trials):
    return lands(setup, trials, 2.5)


@control(setup=TINY.replace(noise=0.03))
@claimed
def test_control(setup, trials):
    return lands(setup, trials, -1)


@pytest.mark.skip(reason="not today")
@at(setup=[TINY.replace(noise=0.04)])
@claimed
def test_skipped(setup, trials):
    return lands(setup, trials, 2.5)
"""


@pytest.fixture
def run(pytester, monkeypatch, request):
    """Run pytest in a process of its own on a few claims, with a store of its own."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(request.config.rootpath))
    monkeypatch.setenv("COLUMNS", "200")
    installed = importlib.metadata.entry_points(group="pytest11")
    load = () if any(e.value == "mrpcheck.plugin" for e in installed) else ("-p", "mrpcheck.plugin")
    pytester.makepyfile(test_small=CLAIMS)

    def runs(*options, store, report="report", here=False):
        monkeypatch.setenv("MRPCHECK_STORE", str(pytester.path / store))
        options = (*load, "--mrp-device=cpu", "-p", "no:cacheprovider", *options)
        options = (*options, "--mrp-report", report)
        if here:
            return pytester.runpytest_inprocess(*options, no_reraise_ctrlc=True)
        return pytester.runpytest_subprocess(*options, timeout=120)

    runs.path = pytester.path
    return runs


@pytest.fixture
def timeless():
    """What a run recorded, but for its seconds, and what it asked for."""

    def read(report):
        verdicts = json.loads((report / "verdicts.json").read_text())
        lines = (report / "evidence.jsonl").read_text().splitlines()
        evidence = [json.loads(line) for line in lines]
        for row in [*verdicts["claims"], *evidence]:
            row.pop("seconds")
        manifest = json.loads((report / "manifest.json").read_text())
        return verdicts, evidence, (report / "trials.csv").read_text(), manifest["asked"]

    return read


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """Make a folder of ca.pem, cert.pem and key.pem of an authority of its own."""
    cryptography = pytest.importorskip("cryptography")
    assert cryptography
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def certificate(name, key, issuer, signer, ca):
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if not ca:
            local = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([local]), critical=False)
        return builder.sign(signer or key, hashes.SHA256())

    def make(name):
        folder = tmp_path_factory.mktemp(name)
        ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        ca = certificate(f"{name} authority", ca_key, None, None, ca=True)
        cert = certificate(name, key, ca.subject, ca_key, ca=False)
        pem = serialization.Encoding.PEM
        plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
        (folder / "cert.pem").write_bytes(cert.public_bytes(pem))
        (folder / "key.pem").write_bytes(key.private_bytes(pem, *plain))
        return folder

    return make
