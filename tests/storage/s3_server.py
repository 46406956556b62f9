"""A real S3 server on loopback: moto's, in a process of its own, since in this one it stalls."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BUCKET = "kept"
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_EC2_METADATA_DISABLED": "true"}


class S3Server:
    """Runs until `stop`."""

    def __init__(self) -> None:
        command = Path(sys.executable).with_name("moto_server")
        program = str(command) if command.exists() else shutil.which("moto_server")
        if program is None:
            pytest.skip("moto[server] is not installed")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process = subprocess.Popen(
            [program, "-H", "127.0.0.1", "-p", str(self.port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._wait()

    def url(self, prefix: str, bucket: str = BUCKET) -> str:
        return f"s3://{bucket}/{prefix}?endpoint_override=127.0.0.1:{self.port}&scheme=http&region=us-east-1"

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _wait(self) -> None:
        address = f"http://127.0.0.1:{self.port}/{BUCKET}"
        for _ in range(300):
            try:
                request = urllib.request.Request(address, method="PUT")
                with urllib.request.urlopen(request, timeout=10):
                    return
            except OSError:
                if self._process.poll() is not None:
                    pytest.skip("moto's server does not start here")
                time.sleep(0.05)
        self.stop()
        pytest.skip("moto's server does not answer")


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server with an empty bucket, and credentials for it in the environment."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in _CREDENTIALS.items():
            environment.setenv(name, value)
        server = S3Server()
        try:
            yield server
        finally:
            server.stop()
