"""Signs files whose hash leaves out more than it may, and files whose last manifest has no hash: PyPI's c2pa-python 0.38.1, cryptography and cbor2, without a network.

    python make.py FOLDER_OF_ORIGINALS

A signer can state any hash, so an honest tool signs first; then its assertion is changed, and the claim is signed again by the same key. Of the
keys only the certificates are kept: each run makes new ones, and with them all files anew.
"""

import datetime
import hashlib
import io
import json
import struct
import sys
from pathlib import Path

import c2pa
import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

originals, here = Path(sys.argv[1]), Path(__file__).parent
root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
pem = serialization.Encoding.PEM


def name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, 'Dishonest Studio'), x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def certificate(common_name, own_key, certifies):
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(common_name))
        .issuer_name(name('root'))
        .public_key(own_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(2026, 1, 1))
        .not_valid_after(datetime.datetime(2046, 1, 1))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own_key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), False)
        .add_extension(x509.BasicConstraints(certifies, None), True)
        .add_extension(x509.KeyUsage(not certifies, False, False, False, False, certifies, certifies, False, False), True)
    )
    if not certifies:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
    return builder.sign(root_key, hashes.SHA256()).public_bytes(pem)


def sign(content, media_type, updates=False):
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    settings = {'builder': {'thumbnail': {'enabled': False}}, 'verify': {'verify_after_sign': False}}
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, leaf + root, private, None))
    generated = 'http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia'
    actions = {'label': 'c2pa.actions', 'data': {'actions': [{'action': 'c2pa.created', 'digitalSourceType': generated}]}}
    manifest = {'claim_generator_info': [{'name': 'Any', 'version': '1'}], 'title': 'A castle', 'assertions': [] if updates else [actions]}
    result = io.BytesIO()
    builder = c2pa.Builder(json.dumps(manifest), context=c2pa.Context.from_json(json.dumps(settings)))
    if updates:
        builder.set_intent(c2pa.C2paBuilderIntent.UPDATE)
    builder.sign(signer, media_type, io.BytesIO(content), result)
    return result.getvalue()


def length_at(file, at):
    return struct.unpack('>I', file[at : at + 4])[0]


def box(file, label):
    """Start and end of the JUMBF box with a label: its description precedes the label by a header, a type and a byte."""
    start = file.index(label.encode() + b'\0') - 17 - 8 - 8
    return start, start + length_at(file, start)


def cbor(file, start):
    """Start and end of the CBOR in a JUMBF box, after its description."""
    at = start + 8 + length_at(file, start + 8)
    return at + 8, at + length_at(file, at)


def sign_again(file, label, edit, compute):
    """Replaces the assertion by `edit`, which must not change its length, then its hash by `compute`, then the signature."""
    file = bytearray(file)
    start, end = box(file, label)
    before = hashlib.sha256(file[start + 8 : end]).digest()
    first, last = cbor(file, start)
    file[first:last] = edit(bytes(file[first:last]))
    assertion = cbor2.loads(bytes(file[first:last]))
    at = file.index(assertion['hash'], first)
    file[at : at + 32] = compute(bytes(file), assertion)

    claim_start, claim_end = cbor(file, box(file, 'c2pa.claim.v2')[0])
    at = file.index(before, claim_start)
    file[at : at + 32] = hashlib.sha256(file[start + 8 : end]).digest()

    first, last = cbor(file, box(file, 'c2pa.signature')[0])
    protected, _, _, signature = cbor2.loads(bytes(file[first:last])).value
    signed = cbor2.dumps(['Signature1', protected, b'', bytes(file[claim_start:claim_end])])
    numbers = utils.decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
    at = file.index(signature, first)
    file[at : at + 64] = b''.join(number.to_bytes(32, 'big') for number in numbers)
    return bytes(file)


def data_hash(file, assertion):
    left = file
    for exclusion in sorted(assertion['exclusions'], key=lambda each: each['start'], reverse=True):
        left = left[: exclusion['start']] + left[exclusion['start'] + exclusion['length'] :]
    return hashlib.sha256(left).digest()


def film_hash(file, assertion):
    excluded = {each['xpath'] for each in assertion['exclusions']}
    digest, at = hashlib.sha256(), 0
    while at < len(file):
        end = at + length_at(file, at)
        if '/' + file[at + 4 : at + 8].decode('latin1') not in excluded:
            digest.update(struct.pack('>Q', at) + file[at:end])
        at = end
    return digest.digest()


def longer_by(count):
    def edit(assertion):
        length = cbor2.loads(assertion)['exclusions'][0]['length']
        return assertion.replace(b'length\x19' + struct.pack('>H', length), b'length\x19' + struct.pack('>H', length + count))

    return edit


root, leaf = certificate('root', root_key, True), certificate('signer', key, False)
(here / 'root.pem').write_bytes(root)
(here / 'signer.pem').write_bytes(leaf)
photo = sign((originals / 'im-baseline.jpg').read_bytes(), 'image/jpeg')
film = sign((originals / 'ff-avc.mp4').read_bytes(), 'video/mp4')
(here / 'updated.jpg').write_bytes(sign(photo, 'image/jpeg', updates=True))
(here / 'updated.mp4').write_bytes(sign(film, 'video/mp4', updates=True))
pictures = {'honest': longer_by(0), 'one-byte-more': longer_by(1), 'pixels-left-out': longer_by(600)}
films = {'honest': (b'', b''), 'media-left-out': (b'/skip', b'/mdat'), 'movie-left-out': (b'/mfra', b'/moov'), 'unknown-path': (b'/mfra', b'/moo/')}
for file, edit in pictures.items():
    (here / f'{file}.jpg').write_bytes(sign_again(photo, 'c2pa.hash.data', edit, data_hash))
for file, (old, new) in films.items():
    (here / f'{file}.mp4').write_bytes(sign_again(film, 'c2pa.hash.bmff.v3', lambda each, old=old, new=new: each.replace(old, new) if old else each, film_hash))
