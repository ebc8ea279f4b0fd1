"""`muster status`: what runs now, and whom the local cloud refused, without changing anything."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from cli.local import cloud, refusals, summary
from cli.local.devices import Device, Reading, cloud_of, look
from cli.local.layout import STACK, Layout, find


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def status(as_json: bool) -> None:
    """Show whether the local cloud runs, how far each device is, and what was refused.

    \b
    Example:
      muster status --json
    """
    layout = find()
    if as_json:
        click.echo(json.dumps(_document(layout), indent=2))
    else:
        _show(layout, Console())


def _readings(layout: Layout) -> dict[Device, Reading]:
    folders = sorted(folder for folder in layout.devices.glob("*") if folder.is_dir())
    devices = [Device(folder.name, "", "", folder, cloud_of(folder.name)) for folder in folders]
    return {device: look(device) for device in devices}


def _document(layout: Layout) -> dict[str, Any]:
    devices = [
        {
            "registrationId": device.registration_id,
            "cloud": device.cloud,
            "state": reading.state.value,
            "hub": reading.hub,
            "reason": reading.reason,
        }
        for device, reading in _readings(layout).items()
    ]
    proxy = cloud.proxy_of_running(layout)
    running = {
        "running": proxy is not None,
        "proxy": proxy,
        "refusals": refusals.counted(layout) if proxy else {},
    }
    return {"stack": STACK, "cloud": running, "devices": devices}


def _show(layout: Layout, console: Console) -> None:
    proxy = cloud.proxy_of_running(layout)
    console.print(f"Local cloud: {f'listens, proxy {proxy}' if proxy else 'does not run'}", highlight=False)
    for where, count in (refusals.counted(layout) if proxy else {}).items():
        console.print(f"Refused: {count} times {where}", highlight=False)
    readings = _readings(layout)
    if not readings:
        console.print("Devices: none. `make up` starts some.", highlight=False)
        return
    table = Table()
    for column in ("device", "cloud", "state", "hub", "since start", "reason"):
        table.add_column(column, overflow="fold")
    for device, reading in readings.items():
        seconds = f"{reading.seconds:.1f} s" if reading.seconds else ""
        told = (
            device.registration_id,
            device.cloud,
            reading.state.value,
            reading.hub,
            seconds,
            reading.reason,
        )
        table.add_row(*told)
    console.print(table)
    last = summary.read(layout.summary)
    if last:
        for where, came in last["clouds"].items():
            text = (
                f"Last `muster up`: {came['provisioned']} of {came['requested']} devices came up on {where}."
            )
            console.print(text, highlight=False)
