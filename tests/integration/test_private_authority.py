"""The hub trusts an authority of one's own beside the public ones, as component private_ca hands it over."""

from __future__ import annotations

import datetime
import ipaddress
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from brics_envs.effects import podman as podman_effects
from brics_envs.plan.names import Instance, image_tag
from tests.support.checkout import PROJECT

ASK = """
import asyncio, functools, http.server, os, ssl, threading
from tornado.simple_httpclient import SimpleAsyncHTTPClient

server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
own.load_cert_chain("/given/server.pem")
server.socket = own.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()

async def ask():
    url = f"https://127.0.0.1:{server.server_port}/"
    print((await SimpleAsyncHTTPClient().fetch(url)).code)

paths = ssl.get_default_verify_paths()
# Public authorities are found by the hashes of their names.
print(any(name.endswith(".0") for name in os.listdir(paths.capath or paths.openssl_capath)))
asyncio.run(ask())
"""

USES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)
"""What a key may be used for (RFC 5280, 4.2.1.3)."""


def certificate(
    name: str, issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A certificate for 127.0.0.1 of an issuer, or else that of an authority, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    signer = issuer[1] if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if issuer is None:
        usage = {"key_cert_sign": True, "crl_sign": True}
        builder = builder.add_extension(x509.KeyUsage(**dict.fromkeys(USES, False) | usage), critical=True)
    return builder.sign(signer, hashes.SHA256()), key


@pytest.mark.parametrize("trusted", [True, False])
def test_an_issuer_with_a_certificate_of_ones_own(
    images: None, tested: Instance, tmp_path: Path, trusted: bool
) -> None:
    authority, another = certificate("Ours"), certificate("Another's")
    served, key = certificate("issuer", authority)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    (tmp_path / "server.pem").write_bytes(served.public_bytes(pem) + private)
    (tmp_path / "ca.crt").write_bytes((authority if trusted else another)[0].public_bytes(pem))
    for file in (tmp_path, *tmp_path.iterdir()):
        file.chmod(0o755)
    patch = yaml.safe_load((PROJECT / "k8s/components/private_ca/deployment.yaml").read_text())
    (hub,) = patch["spec"]["template"]["spec"]["containers"]
    (mount,), (variable,) = hub["volumeMounts"], hub["env"]
    done = subprocess.run(
        [
            *("podman", "run", "--rm", "--pull=never", "--network=none"),
            *(f"--volume={tmp_path}:{place}:ro" for place in (mount["mountPath"], "/given")),
            f"--env={variable['name']}={variable['value']}",
            *(image_tag("jupyterhub", tested.image_tag("dev")), "python3", "-c", ASK),
        ],
        env={**os.environ, **podman_effects.environment()},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if trusted:
        assert (done.returncode, done.stdout.split()) == (0, ["True", "200"]), done.stderr
    else:
        assert done.returncode != 0
        assert "CERTIFICATE_VERIFY_FAILED" in done.stderr
