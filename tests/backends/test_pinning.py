"""A machine with a certificate of its own signing: known by its fingerprint, and nothing is sent to another one."""

import datetime
import hashlib
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.backends.conftest import Desk
from tests.backends.servers import Fake
from webui.backends.pinning import in_groups
from webui.errors import BackendError, RequestError, SettingsError
from webui.settings import load_settings


class SecureBox(Fake):
    """A Darkroom's list of checkpoints behind TLS."""

    def __init__(self, folder):
        super().__init__()
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "box")])
        now = datetime.datetime.now(datetime.UTC)
        build = x509.CertificateBuilder(name, name, key.public_key(), 1, now - datetime.timedelta(1), now + datetime.timedelta(9))
        certificate = build.sign(key, hashes.SHA256())
        pem, encoding = folder / "box.pem", serialization.Encoding
        private = key.private_bytes(encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        pem.write_bytes(private + certificate.public_bytes(encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.fingerprint = hashlib.sha256(certificate.public_bytes(encoding.DER)).hexdigest()
        self.host = self.url.removeprefix("http://")

    def answer(self, method, path, headers, data):
        return 200, {}, {"checkpoints": [{"name": "tiny", "title": "tiny"}]}


@pytest.fixture
def box(tmp_path):
    server = SecureBox(tmp_path)
    yield server
    server.close()


def asked(tmp_path, entry):
    """The names of a machine's checkpoints."""
    desk = Desk(tmp_path / "desk", {}, boxes=(entry,))
    try:
        return [model.name for model in desk.backends.connection(desk.backends.spec("studio")).backend.models()]
    finally:
        desk.close()


def test_the_pinned_certificate_and_no_other_is_talked_to(box, tmp_path):
    address = f"studio=darkroom+https://{box.host}"
    assert asked(tmp_path, f"{address}#sha256={box.fingerprint}") == ["tiny"]
    assert asked(tmp_path, f"{address}#sha256={in_groups(box.fingerprint)}") == ["tiny"], "as openssl writes it"
    heard = len(box.calls)
    with pytest.raises(
        BackendError, match=f"another certificate than the pinned one: sha256 {in_groups(box.fingerprint)}. Nothing was sent"
    ):
        asked(tmp_path, f"{address}#sha256={'0' * 64}")
    with pytest.raises(BackendError, match="a certificate that nobody vouches for .* write its fingerprint behind the address"):
        asked(tmp_path, address)
    assert len(box.calls) == heard, "nothing was sent"


@pytest.mark.parametrize("pin", ["#sha256=12", "#md5=" + "0" * 64, "#" + "0" * 64])
def test_what_is_no_fingerprint_is_told(desk, pin, tmp_path):
    with pytest.raises(RequestError, match="is no fingerprint. Write #sha256="):
        desk.backends.box(f"darkroom+https://10.0.0.5{pin}")
    with pytest.raises(SettingsError, match="is no place"):
        load_settings({"data_dir": tmp_path, "boxes": (f"darkroom+https://10.0.0.5{pin}",)}, environment={})


def test_a_fingerprint_needs_a_certificate(desk):
    with pytest.raises(RequestError, match="Write .https before"):
        desk.backends.box(f"darkroom://10.0.0.5#sha256={'0' * 64}")
