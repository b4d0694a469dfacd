"""A timestamp authority (RFC 3161) on loopback, by `openssl ts`."""

import http.server
import pathlib
import subprocess
import tempfile
import threading

options = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
accuracy = secs:1
"""


class Timestamps:
    def __init__(self, chain, private):
        self.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.folder.name)
        (folder / 'chain.pem').write_bytes(chain)
        (folder / 'key.pem').write_bytes(private)
        (folder / 'serial').write_text('01')
        (folder / 'ts.cnf').write_text(options.format(folder=folder))

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                (folder / 'query').write_bytes(self.rfile.read(int(self.headers['content-length'])))
                signed_by = ['-signer', folder / 'chain.pem', '-inkey', folder / 'key.pem', '-chain', folder / 'chain.pem']
                answer = ['-config', folder / 'ts.cnf', '-queryfile', folder / 'query', '-out', folder / 'reply', *signed_by]
                subprocess.run(['openssl', 'ts', '-reply', *answer], check=True, capture_output=True)
                reply = (folder / 'reply').read_bytes()
                self.send_response(200)
                self.send_header('content-type', 'application/timestamp-reply')
                self.send_header('content-length', str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
        self.address = f'http://127.0.0.1:{self.server.server_port}/'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.folder.cleanup()
