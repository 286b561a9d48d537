"""TLS: a run over it, and nobody else is let in."""

import pytest

from mrpcheck import cluster
from mrpcheck.cluster import Unreachable, connect, start
from mrpcheck.seeds import Trials
from mrpcheck.setups import Recipe, Setup
from mrpcheck.training import pretrain
from mrpcheck.views import MultiView

pytest.importorskip("distributed")

TINY = Setup(
    data=MultiView(classes=2, dim=4, patches=6, sparsity=1.0), recipe=Recipe(samples=4, steps=2)
)


@pytest.fixture(scope="module")
def ours(authority):
    """The certificates of the cluster."""
    return str(authority("ours"))


@pytest.fixture(scope="module")
def address(ours):
    """A cluster of one worker, reached over TLS alone."""
    with start("local:1", ours) as address:
        yield address


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Nobody waits for half a minute for a scheduler that does not answer."""
    monkeypatch.setattr(cluster, "PATIENCE", 2.0)


def test_blocks_come_over_tls(address, ours, tmp_path, monkeypatch):
    here = pretrain(TINY, Trials(2)).kernels
    monkeypatch.setenv("MRPCHECK_STORE", str(tmp_path / "other"))
    with connect(address, ours) as pool:
        there = pretrain(TINY, Trials(2)).kernels
    assert address.startswith("tls://")
    assert pool.trained == 2 and bool((here == there).all())


def refused(address, tls):
    """Whether nobody answers, in a sentence."""
    said = "but should be a scheduler that answers"
    with pytest.raises(Unreachable, match=said), connect(address, tls):
        pass
    return True


@pytest.mark.filterwarnings("ignore")
def test_a_client_without_certificates_is_refused(address):
    for plain in (address, address.replace("tls://", "tcp://")):
        assert refused(plain, None)


@pytest.mark.filterwarnings("ignore")
def test_a_client_of_another_authority_is_refused(address, authority):
    assert refused(address, str(authority("theirs")))


@pytest.mark.filterwarnings("ignore")
def test_nothing_is_sent_in_plain_where_certificates_were_given(address, ours):
    assert refused(address.replace("tls://", "tcp://"), ours)
