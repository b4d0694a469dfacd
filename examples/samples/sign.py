"""Signs a JPEG in place, and writes the root of its certificate: `python3 sign.py picture.jpg root.pem`. `make.mjs` runs it."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / 'packages/inspection/corpus'))
from signing import Authority, definition, sign  # noqa: E402

picture, root = (pathlib.Path(each) for each in sys.argv[1:])
authority = Authority('Airlock samples')
identity = authority.issue('Example Studio', 'Example Studio content signing')
manifest = {**definition(False), 'title': 'Lighthouse'}
picture.write_bytes(sign(picture.read_bytes(), 'image/jpeg', manifest, identity))
root.parent.mkdir(exist_ok=True)
root.write_bytes(authority.root)
