"""Authorities made for the purpose, and files signed in their name by PyPI's c2pa-python 0.38.1. No private key is ever written."""

import datetime
import io
import json

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

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


def sign(
    source, media_type, manifest, identity, tsa=None, settings=None, edits=False, thumbnail=None, cawg=None, remote=False, embedded=True
):
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
    if remote:
        builder.set_remote_url('http://127.0.0.1:1/credentials.c2pa')
    if not embedded:
        builder.set_no_embed()
    result = io.BytesIO()
    builder.sign(media_type, io.BytesIO(source), result)
    return result.getvalue()
