"""`muster certs plan`: how long a list will take here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import click

from certs import authority, chain
from certs.bulk.measure import measure
from certs.bulk.plan import Forecast, forecasts
from certs.keys import ALGORITHMS
from cli.certs.options import key_store_option, open_store
from cli.certs.shared import FILE, json_option, passphrase_option, print_json, reported


@click.command()
@click.option("--devices", type=click.IntRange(1), required=True, help="How many devices.")
@click.option(
    "--algorithm",
    "algorithms",
    type=click.Choice(list(ALGORITHMS)),
    multiple=True,
    help="The kind of the devices' keys; repeat for more. Else all that are not experimental.",
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=".",
    show_default=True,
    help="Where the bundle will be written.",
)
@click.option("--workers", type=click.IntRange(1), help="Processes at most; else one a processor.")
@click.option("--issuer", type=FILE, help="Sign with this issuer's own signer; else with a key made for it.")
@key_store_option
@passphrase_option
@json_option
@reported
def plan(
    devices: int,
    algorithms: tuple[str, ...],
    directory: Path,
    workers: int | None,
    issuer: Path | None,
    key_store: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Measure this machine, and say what a list will take.

    Key generation, signing, sealing and durable writing are measured for some seconds; nothing is kept. Say
    --issuer where a module or key service signs, as that decides how long it takes.

    \b
    Example:
      muster certs plan --devices 100000 --algorithm ec-p256
    """
    own = None
    if issuer is not None:
        issuing = chain.load_certificate(issuer)
        store = open_store(issuing, key_store or issuer.parent / authority.KEYS, passphrase_file)
        own = store.signer_for(issuing), issuing
    names = algorithms or [each.name for each in ALGORITHMS.values() if not each.experimental]
    kinds = [ALGORITHMS[name] for name in names]
    machine = measure(kinds, directory, workers or os.cpu_count() or 1, own)
    found, free = list(forecasts(machine, devices)), shutil.disk_usage(directory).free
    if as_json:
        print_json(
            {"devices": devices, "freeDiskBytes": free, "measured": asdict(machine)}
            | {"forecasts": [asdict(each) for each in found]}
        )
        return
    _print(found, devices, free)


def _print(found: Sequence[Forecast], devices: int, free: int) -> None:
    click.echo(f"{devices} devices, as this machine is now:")
    click.echo(f"{'keys':<10} {'workers':>7} {'time':>16} {'disk':>10} {'memory':>10}")
    for each in found:
        time = str(timedelta(seconds=round(each.seconds)))
        sizes = f"{_size(each.disk_bytes):>10} {_size(each.memory_bytes):>10}"
        click.echo(f"{each.algorithm:<10} {each.workers:>7} {time:>16} {sizes}")
    if free < max(each.disk_bytes for each in found):
        click.echo(f"the disk has {_size(free)} left: not enough for all of these", err=True)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
