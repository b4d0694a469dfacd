"""Signs four of the originals with content credentials, as `make-originals.sh` does it: PyPI's c2pa-python 0.38.1 and cryptography, without a network.

The certificate is made here and belongs to nobody, so validators call the signer unknown; the structure is what every signer writes.
"""

import datetime
import json
import sys

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

folder = sys.argv[1]
valid = (datetime.datetime(2026, 1, 1), datetime.datetime(2036, 1, 1))


def name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, 'Airlock test'), x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def certificate(common_name, issuer, key, serial):
    return (
        x509.CertificateBuilder()
        .subject_name(name(common_name))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )


def usage(signs, certifies):
    return x509.KeyUsage(signs, False, False, False, False, certifies, certifies, False, False)


root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
root = certificate('Test CA', 'Test CA', root_key, 1).add_extension(x509.BasicConstraints(True, None), True).add_extension(usage(False, True), True)
leaf = (
    certificate('Test signer', 'Test CA', key, 2)
    .add_extension(x509.BasicConstraints(False, None), True)
    .add_extension(usage(True, False), True)
    .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
    .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), False)
)
pem = serialization.Encoding.PEM
chain = b''.join(each.sign(root_key, hashes.SHA256()).public_bytes(pem) for each in (leaf, root))
private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
action = {'action': 'c2pa.created', 'digitalSourceType': 'http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia'}
manifest = {
    'claim_generator_info': [{'name': 'airlock-corpus', 'version': '1'}],
    'title': 'A castle',
    'assertions': [{'label': 'c2pa.actions', 'data': {'actions': [action]}}],
}
# Thumbnails would make files of a few kB ten times as large
context = c2pa.Context.from_json(json.dumps({'builder': {'thumbnail': {'enabled': False}}}))
signed = {
    'c2pa.jpg': ('im-baseline.jpg', 'image/jpeg'),
    'c2pa.png': ('im-mono.png', 'image/png'),
    'c2pa.webp': ('cwebp-lossy.webp', 'image/webp'),
    'c2pa.mp4': ('ff-avc.mp4', 'video/mp4'),
}
for target, (source, media_type) in signed.items():
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, chain, private, None))
    builder = c2pa.Builder(json.dumps(manifest), context=context)
    with open(f'{folder}/{source}', 'rb') as original, open(f'{folder}/{target}', 'w+b') as result:
        builder.sign(signer, media_type, original, result)
