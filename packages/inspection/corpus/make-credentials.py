"""Signs some of the originals with content credentials; `make-originals.sh` runs it. Needs PyPI's c2pa-python 0.38.1 and cryptography, openssl, and no network.

The certificates are made here and belong to nobody. Their keys are never written: each run makes new ones, and with them all files anew.
"""

import datetime
import io
import json
import os
import sys
import time

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from timestamps import Timestamps

originals, target = sys.argv[1], f'{sys.argv[1]}/credentials'
os.makedirs(target, exist_ok=True)
now = datetime.datetime.now(datetime.UTC)
long = (datetime.datetime(2026, 1, 1), datetime.datetime(2046, 1, 1))
pem = serialization.Encoding.PEM
generated = 'http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia'


def name(organisation, common_name):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation), x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


class Authority:
    """A root, and the certificates that it issues."""

    def __init__(self, organisation):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = name(organisation, f'{organisation} root')
        self.root = self.signed(self.name, self.key, long, x509.BasicConstraints(True, None), self.usage(False, True))

    @staticmethod
    def usage(signs, certifies):
        return x509.KeyUsage(signs, False, False, False, False, certifies, certifies, False, False)

    def signed(self, subject, key, valid, *critical, purpose=None):
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(valid[0])
            .not_valid_after(valid[1])
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False)
        )
        for extension in critical:
            builder = builder.add_extension(extension, True)
        if purpose:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), purpose == ExtendedKeyUsageOID.TIME_STAMPING)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(pem)

    def issue(self, organisation, common_name, valid=long, purpose=ExtendedKeyUsageOID.EMAIL_PROTECTION):
        """The PEM of a certificate and its root, and the PEM of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = self.signed(name(organisation, common_name), key, valid, x509.BasicConstraints(False, None), self.usage(True, False), purpose=purpose)
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return leaf + self.root, private


def definition(video, assertions=(), **more):
    generator = {'name': 'Lumen Video', 'version': '1.4'} if video else {'name': 'Lumen Image', 'version': '3.2'}
    created = {'label': 'c2pa.actions.v2', 'data': {'actions': [{'action': 'c2pa.created', 'digitalSourceType': generated}]}}
    return {'claim_generator_info': [generator], 'title': 'A castle', 'assertions': [created, *assertions], **more}


def sign(source, media_type, manifest, identity, tsa=None, settings=None, edits=False, thumbnail=None, cawg=None):
    """The bytes of `source`, signed. Thumbnails would make files of a few kB ten times as large, so only those that ask for it get one."""
    chain, private = identity
    chosen = {'verify': {'verify_after_sign': False}, **(settings or {})}
    chosen['builder'] = {'thumbnail': {'enabled': False}, **chosen.get('builder', {})}
    own = {'alg': 'es256', 'sign_cert': chain.decode(), 'private_key': private.decode(), **({'tsa_url': tsa} if tsa else {})}
    chosen['signer'] = {'local': own}
    if cawg:
        holder = {'alg': 'es256', 'sign_cert': cawg[0].decode(), 'private_key': cawg[1].decode()}
        chosen['cawg_x509_signer'] = {'local': {**holder, 'referenced_assertions': ['cawg.training-mining']}}
    builder = c2pa.Builder(json.dumps(manifest), context=c2pa.Context.from_json(json.dumps(chosen)))
    # The settings name the signer, which the wrapper does not look at; only they can name a second one for CAWG
    builder._has_context_signer = True
    if edits:
        # The signed file becomes an ingredient, and the first action says that it was opened
        builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
    if thumbnail:
        builder.add_resource('thumbnail', io.BytesIO(thumbnail))
    result = io.BytesIO()
    builder.sign(media_type, io.BytesIO(source), result)
    return result.getvalue()


def read(file):
    with open(f'{originals}/{file}', 'rb') as stream:
        return stream.read()


def write(file, content):
    with open(f'{target}/{file}', 'wb') as stream:
        stream.write(content)


authority, unknown = Authority('Airlock test'), Authority('Another test')
studio = authority.issue('Example Studio', 'Example Studio content signing')
brief = now + datetime.timedelta(seconds=30)
expired = authority.issue('Example Studio', 'Example Studio expired', (now - datetime.timedelta(days=1), brief))
stranger = unknown.issue('Unknown Studio', 'Unknown Studio content signing')
person = authority.issue('Example Person', 'Example Person')
tsa = Timestamps(*authority.issue('Example Clock', 'Example Clock', purpose=ExtendedKeyUsageOID.TIME_STAMPING))

use = [{'label': 'cawg.training-mining', 'data': {'entries': {'cawg.ai_generative_training': {'use': 'notAllowed'}}}}]
icon = {'thumbnail': {'format': 'image/jpeg', 'identifier': 'thumbnail'}}
opened = {'label': 'c2pa.actions.v2', 'data': {'actions': [{'action': 'c2pa.color_adjustments'}]}}
formats = {
    'jpg': ('image/jpeg', 'im-baseline.jpg', 'im-grey.jpg'),
    'png': ('image/png', 'im-mono.png', 'im-palette.png'),
    'webp': ('image/webp', 'cwebp-lossy.webp', 'cwebp-odd-size.webp'),
    'mp4': ('video/mp4', 'ff-avc.mp4', 'ff-silent.mp4'),
    'fragments.mp4': ('video/mp4', 'ff-fragments.mp4', 'ff-dash.mp4'),
}
for extension, (media_type, source, another) in formats.items():
    video = media_type == 'video/mp4'
    bare, plain = read(source), definition(video)
    whole = sign(bare, media_type, plain, studio)
    write(f'signed.{extension}', whole)
    write(f'another.{extension}', sign(read(another), media_type, plain, studio))
    write(f'expired.{extension}', sign(bare, media_type, plain, expired))
    write(f'unknown.{extension}', sign(bare, media_type, plain, stranger))
    edit = {'claim_generator_info': [{'name': 'Example Editor', 'version': '12.1'}], 'title': 'A castle, edited', 'assertions': [opened]}
    write(f'two.{extension}', sign(whole, media_type, edit, studio, edits=True))
    write(f'thumbnail.{extension}', sign(bare, media_type, definition(video, **icon), studio, thumbnail=read('im-worst-quality.jpg')))
    write(f'cawg.{extension}', sign(bare, media_type, definition(video, use), studio, cawg=person))
    if extension in ('jpg', 'mp4'):
        write(f'timestamp.{extension}', sign(bare, media_type, plain, studio, tsa=tsa.address))
        write(f'expired-timestamp.{extension}', sign(bare, media_type, plain, expired, tsa=tsa.address))
# Hashes of blocks of the media instead of one hash. c2pa-python does not verify what it signs so with fragments
tree = {'core': {'merkle_tree_chunk_size_in_kb': 1}}
write('blocks.mp4', sign(read('ff-avc.mp4'), 'video/mp4', definition(True), studio, settings=tree))
# A hash over the `free` boxes too, which c2pa-python otherwise excludes
free = (40).to_bytes(4) + b'free' + bytes(32)
covered = {'builder': {'bmff_hash_exclude_free_and_skip_boxes': False}}
for extension in ('mp4', 'fragments.mp4'):
    write(f'covered.{extension}', sign(read(formats[extension][1]) + free, 'video/mp4', definition(True), studio, settings=covered))
write('root.pem', authority.root)
write('unknown-root.pem', unknown.root)
tsa.stop()
# The certificate that expires must have done so before anyone looks
time.sleep(max(0, (brief - datetime.datetime.now(datetime.UTC)).total_seconds()) + 1)
