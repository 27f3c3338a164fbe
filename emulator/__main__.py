"""`python -m emulator --data DIR --mysql-port N --http-port N`: run the embedded server until SIGTERM or SIGINT.

Prints one line of JSON with the ports when it is ready.
"""

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from emulator.server import Server
from emulator.storage.engine import DataDirectoryInUse


def main() -> int:
    """Serve; 0 after a signal, 1 when it cannot start."""
    options = _options()
    password = Path(options.root_password_file).read_text().strip() if options.root_password_file else ""
    server = Server(
        data=options.data,
        mysql_port=options.mysql_port,
        http_port=options.http_port,
        be_http_port=options.be_http_port,
        root_password=password,
        async_delay_ms=options.async_delay_ms,
        host=options.host,
        faults=options.faults,
    )
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    try:
        server.start()
    except (DataDirectoryInUse, OSError) as error:
        print(f"emulator: cannot start: {error}", file=sys.stderr)
        return 1
    ports = {
        "mysql_port": server.mysql_port,
        "http_port": server.http_port,
        "be_http_port": server.be_http_port,
        "version": server.version,
    }
    print(json.dumps(ports), flush=True)
    stop.wait()
    server.stop()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m emulator", description="Run the embedded StarRocks server.")
    parser.add_argument("--data", required=True, type=Path, help="directory of the database; made when absent")
    parser.add_argument("--mysql-port", type=int, default=9030, help="0 = a free port")
    parser.add_argument("--http-port", type=int, default=8030, help="0 = a free port")
    parser.add_argument("--be-http-port", type=int, default=8040, help="0 = a free port")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument(
        "--root-password-file", help="file with root's password; default: as root has set it, at first none"
    )
    parser.add_argument("--async-delay-ms", type=int, default=100, help="time an asynchronous job stays in each state")
    parser.add_argument("--faults", action="store_true", help="let POST /api/_faults ask for faults (for tests)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
