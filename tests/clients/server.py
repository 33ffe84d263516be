"""`ons-audit serve`, started on a port of its own for the time that one client asks it."""
import re
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300  # seconds until a client or a server that does nothing counts as hung


@contextmanager
def serving(binary, source, keys, options=()):
    """Gives its address and the list of what it logs, which is whole at the end."""
    with tempfile.TemporaryDirectory() as folder:
        keys_file = Path(folder, "keys.toml")
        keys_file.touch(mode=0o600)
        keys_file.write_text(keys)
        server = subprocess.Popen(
            [binary, "serve", "--source", ROOT / source, "--listen", "127.0.0.1:0", "--keys", keys_file,
             "--log-format", "json", *options],
            stderr=subprocess.PIPE, text=True, cwd=ROOT,
        )
        try:
            yield from watched(server)
        finally:
            server.kill()
            server.wait()


def watched(server):
    first, log = server.stderr.readline(), []
    address = re.search(r"listening on http://(127\.0\.0\.1:\d+)", first)
    if not address:
        sys.exit(f"serve does not say where it listens: {first}{server.stderr.read()}")
    reader = threading.Thread(target=lambda: log.extend(server.stderr))
    reader.start()
    yield address[1], log
    server.send_signal(signal.SIGTERM)
    server.wait(PATIENCE)
    reader.join()
