"""Writes what c2pa-python 0.38.1 says of every row of `credentials.ts` into `credentials-verdicts.json`, so that tests need no Python.

With Node on the PATH: `python3 judge-credentials.py`, then `npm run format`. The codes are those of the C2PA specification, of the active manifest.
"""

import hashlib
import io
import json
import pathlib
import subprocess
import tempfile

import c2pa

here = pathlib.Path(__file__).parent
root = (here / 'originals/credentials/root.pem').read_text()
types = {'.jpg': 'image/jpeg', '.png': 'image/png', '.webp': 'image/webp', '.mp4': 'video/mp4'}


def verdict(path, trust):
    settings = {'verify': {'remote_manifest_fetch': False, 'ocsp_fetch': False, 'verify_trust': trust}}
    if trust:
        settings['trust'] = {'trust_anchors': root}
    try:
        reader = c2pa.Reader(types[path.suffix], io.BytesIO(path.read_bytes()), context=c2pa.Context.from_dict(settings))
    except c2pa.C2paError as error:
        return {'error': str(error)}
    report = json.loads(reader.json())
    codes = report['validation_results'].get('activeManifest', {})
    found = {kind: sorted({each['code'] for each in codes.get(kind, [])}) for kind in ('success', 'informational', 'failure')}
    return {'state': report['validation_state'], **found}


with tempfile.TemporaryDirectory() as folder:
    listed = subprocess.run(['node', here / 'write-credentials.ts', folder], check=True, capture_output=True, text=True).stdout
    verdicts = {}
    for entry in json.loads(listed):
        path = pathlib.Path(folder, entry)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        verdicts[entry.rsplit('/', 1)[0]] = {'sha256': digest, 'without_trust': verdict(path, False), 'with_root': verdict(path, True)}
(here / 'credentials-verdicts.json').write_text(json.dumps(verdicts, indent=2) + '\n')
