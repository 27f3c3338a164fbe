"""A venv a client, below .state/clients: made once for each set of pinned packages."""

import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".state" / "clients" / "venvs"
COMPLETE = "complete"
SECONDS = 900


class NotInstallable(Exception):
    """The client cannot be had on this machine; the text says why."""


def python_with(name: str, dependencies: tuple[str, ...]) -> Path:
    """The interpreter of a venv that has exactly these packages. Raises NotInstallable."""
    key = hashlib.sha256("\n".join([sys.version, *dependencies]).encode()).hexdigest()[:12]
    folder = CACHE / name / key
    python = folder / "bin" / "python"
    if (folder / COMPLETE).exists():
        return python
    if folder.parent.exists():
        shutil.rmtree(folder.parent)
    venv.create(folder, with_pip=False, symlinks=True)
    _install(python, dependencies)
    (folder / COMPLETE).touch()
    return python


def _install(python: Path, dependencies: tuple[str, ...]) -> None:
    """With uv; where it finds no index (it does not read pip's settings), with pip."""
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--python", str(python)]
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check"]
    told = ""
    for command in (uv, pip):
        try:
            done = subprocess.run([*command, *dependencies], capture_output=True, text=True, timeout=SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            told = str(error)
            continue
        if done.returncode == 0:
            return
        told = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}"
    raise NotInstallable(f"could not be installed: {told}")
