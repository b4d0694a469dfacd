"""Signs some of the originals with content credentials; `make-originals.sh` runs it. Needs PyPI's c2pa-python 0.38.1 and cryptography, openssl, and no network.

The certificates are made here and belong to nobody. Their keys are never written: each run makes new ones, and with them all files anew.
"""

import datetime
import os
import sys
import time

from cryptography.x509.oid import ExtendedKeyUsageOID

from signing import Authority, definition, sign
from timestamps import Timestamps

originals, target = sys.argv[1], f'{sys.argv[1]}/credentials'
os.makedirs(target, exist_ok=True)
now = datetime.datetime.now(datetime.UTC)


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
# Credentials of more than 64 KiB, which need two segments: the thumbnail is padded by zeros, which a repository stores in a few bytes
photo = read('im-baseline.jpg')
large = read('im-worst-quality.jpg') + bytes(65_536)
write('segments.jpg', sign(photo, 'image/jpeg', definition(False, **icon), studio, thumbnail=large))
# The address of credentials, without and with credentials in the file too. Nothing listens there
write('remote.jpg', sign(photo, 'image/jpeg', definition(False), studio, remote=True, embedded=False))
write('remote-too.jpg', sign(photo, 'image/jpeg', definition(False), studio, remote=True))
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
