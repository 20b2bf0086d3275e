"""Where fakepve is less than Proxmox VE and the real provider minds.

Each method says what PVE does and the fake does not. Everything else of the lab is in other modules, so that
a newer fakepve can be held against this page and methods can go.
"""

import re
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from fakepve import FakePve, server
from fakepve.lxc import SNAPSHOT_STORAGE, format_size, parse_size
from fakepve.model import PveError, TaskError
from fakepve.qemu import DRIVE_KEY, join_drive, split_drive, with_mac
from fakepve.schema import load, validate

from .parameters import MENDED, as_pve_reads

CONTAINERS = "/nodes/{node}/lxc"
QEMU = "/nodes/{node}/qemu/{vmid}"
NETWORK_KEY = re.compile(r"net\d+")
CLOUD_INIT_KEY = re.compile(
    r"ci(user|password|custom|type|upgrade)|sshkeys|nameserver|searchdomain|ipconfig\d+"
)
# qemu-server, API2/Qemu.pm: $generaloptions
GENERAL_KEYS = frozenset(
    {
        "bios",
        "keyboard",
        "localtime",
        "migrate_downtime",
        "migrate_speed",
        "ostype",
        "reboot",
        "startdate",
        "tdf",
    }
)

server.params = as_pve_reads  # each of the fake's handlers looks it up there


class MendedPve(FakePve):  # type: ignore[misc] # fakepve ships no types
    """fakepve with the behaviour of PVE that the provider relies on."""

    def _build_app(self) -> web.Application:
        """PVE takes a path with a slash at its end, as the provider writes it to delete a VM."""
        app: web.Application = super()._build_app()
        app[MENDED] = True
        resolve = app.router.resolve

        async def tolerant(request: web.Request) -> web.UrlMappingMatchInfo:
            path = request.rel_url.path
            return await resolve(request.clone(rel_url=path.rstrip("/")) if path.endswith("/") else request)

        app.router.resolve = tolerant  # type: ignore[method-assign]
        return app

    async def answer(  # noqa: D102 - fakepve's
        self, request: web.Request, match: Any, params: dict[str, Any], user: str, call: Any = None
    ) -> Any:
        given = _with_description(params) if match.template.startswith(CONTAINERS) else params
        return await super().answer(request, match, given, user, call)

    def _routes_lab(self) -> list[tuple[str, str, Any]]:
        return [
            ("PUT", f"{QEMU}/resize", self._qm_resize),
            ("GET", "/nodes/{node}/time", self._node_time),
            ("POST", f"{QEMU}/migrate", self._qm_migrate),
            ("GET", "/cluster/ha/resources/{sid}", self._ha_resource),
            ("GET", f"{QEMU}/feature", self._feature),
            ("GET", f"{CONTAINERS}/{{vmid}}/feature", self._feature),
        ]

    async def _qm_migrate(self, values: Mapping[str, Any], user: str) -> str:
        """PVE moves the VM; the fake knows how, and has no path for it."""
        self.require(user, f"/vms/{values['vmid']}", "VM.Migrate")
        return str(await self.migrate(int(values["vmid"]), values["target"], secs=0, user=user))

    async def _ha_resource(self, values: Mapping[str, Any], user: str) -> dict[str, Any]:
        """PVE is asked before a move; the HA manager has no guest of the lab's."""
        self.require(user, "/", "Sys.Audit")
        raise PveError(500, f"no such resource '{values['sid']}'")

    async def _feature(self, values: Mapping[str, Any], user: str) -> dict[str, Any]:
        """PVE looks at every disk's storage; the fake says no to everybody."""
        self.require(user, f"/vms/{values['vmid']}", "VM.Audit")
        guest = self.guest(values["vmid"])
        if guest is None or guest.node != values["node"]:
            raise PveError(
                500, f"Configuration file 'nodes/{values['node']}/{values['vmid']}.conf' does not exist"
            )
        if hasattr(guest, "volumes"):
            stores = [mount["volume"].split(":")[0] for _, mount in guest.volumes()]
            able = all(self.storages.get(name, {}).get("type") in SNAPSHOT_STORAGE for name in stores)
        else:
            able = self._qm_can_snapshot(guest.config)
        return {"hasFeature": int(able)}

    async def _node_time(self, _values: Mapping[str, Any], _user: str) -> dict[str, Any]:
        """PVE tells the node's clock, in seconds since the epoch; the fake a day of 2011."""
        now = int(time.time())
        return {"time": now, "localtime": now, "timezone": "UTC"}

    def _config_priv(self, key: str) -> str:
        """PVE asks VM.Config.Cloudinit for cloud-init's keys and VM.Config.Options for the general ones."""
        if CLOUD_INIT_KEY.fullmatch(key):
            return "VM.Config.Cloudinit"
        if key in GENERAL_KEYS:
            return "VM.Config.Options"
        return str(super()._config_priv(key))

    def _qm_new_drive(self, vmid: int, key: str, value: str, default: str | None) -> tuple[str, list[str]]:
        """PVE imports what `import-from` names into the new disk and calls a cloud-init drive by its name."""
        volume, options = split_drive(value)
        source = options.pop("import-from", None)
        size = self._import_size(source) if source else None
        drive, made = super()._qm_new_drive(vmid, key, join_drive(volume, options), default)
        if volume.endswith(":cloudinit"):
            return self._name_cloud_init_drive(vmid, made[0])
        return (self._resized(drive, size) if size else drive), made

    def _import_size(self, source: str) -> int:
        volume = self._find_volume(*source.split(":", 1)) if ":" in source else None
        if volume is None:
            raise PveError(500, f"volume '{source}' does not exist")
        return int(volume.get("size") or 0)

    def _name_cloud_init_drive(self, vmid: int, allocated: str) -> tuple[str, list[str]]:
        storage, name = allocated.split(":", 1)
        volumes = self.storages[storage]["volumes"]
        renamed = re.sub(rf"vm-{vmid}-disk-\d+", f"vm-{vmid}-cloudinit", name)
        volumes[renamed] = volumes.pop(name)
        return f"{storage}:{renamed},media=cdrom", [f"{storage}:{renamed}"]

    async def _apply_config(self, vm: Any, user: str, given: Mapping[str, Any]) -> None:
        """PVE stores numbers as numbers, allocates new disks and spells devices and tags its own way."""
        made: list[str] = []
        try:
            await super()._apply_config(vm, user, self._as_stored(vm, user, given, made))
        except PveError:
            for volume in made:
                self._qm_free(volume)
            raise

    def _as_stored(self, vm: Any, user: str, given: Mapping[str, Any], made: list[str]) -> dict[str, Any]:
        spec = load().paths[f"{QEMU}/config"]["PUT"]["parameters"]
        values, _ = validate(spec, {**given, "node": vm.node, "vmid": vm.vmid})
        stored = {}
        for key, value in values.items():
            if key in {"node", "vmid"}:
                continue
            if DRIVE_KEY.match(key):
                self._qm_check_drive(user, vm.vmid, None, key, value, None)
                stored[key], new = self._qm_new_drive(vm.vmid, key, value, None)
                made += new
            elif NETWORK_KEY.fullmatch(key):
                stored[key] = with_mac(value)
            elif key == "tags":
                stored[key] = ";".join(sorted({tag for tag in re.split(r"[;, ]+", value.lower()) if tag}))
            else:
                stored[key] = value
        return stored

    async def _config_get(self, request: web.Request) -> web.Response:
        """PVE gives a VM's configuration with what waits for its next start, or the one that is asked for.

        `current` is the one without, `snapshot` names another; the fake knows both for containers alone.
        """
        vm = self._vm(request, "VM.Audit")
        config = self._asked_config(vm, request.query)
        if "memory" in config:
            config["memory"] = str(config["memory"])
        return web.json_response({"data": {**config, "digest": vm.digest()}})

    def _asked_config(self, vm: Any, query: Mapping[str, str]) -> dict[str, Any]:
        if name := query.get("snapshot"):
            if name not in vm.snapshots:
                raise PveError(500, f"snapshot '{name}' does not exist")
            return dict(vm.snapshots[name])
        if query.get("current") in {"1", "true"}:
            return dict(vm.config)
        later = {**vm.config, **vm.pending}
        return {key: value for key, value in later.items() if value is not None}

    async def _lxc_config_get(self, user: str, v: Mapping[str, Any]) -> dict[str, Any]:
        """PVE ends a container's description with a newline, and the provider counts on it; a VM's not."""
        config: dict[str, Any] = await super()._lxc_config_get(user, v)
        if config.get("description"):
            config["description"] = config["description"].rstrip("\n") + "\n"
        return config

    async def _qm_resize(self, values: Mapping[str, Any], user: str) -> str:
        """PVE grows the disk; the fake answers and changes nothing."""
        vm = self.find(values["node"], values["vmid"])
        disk = values["disk"]
        if disk not in vm.config:
            raise PveError(500, f"disk '{disk}' does not exist")

        async def grow() -> None:
            before = parse_size(split_drive(vm.config[disk])[1].get("size", "0")) or 0
            asked = parse_size(values["size"].lstrip("+")) or 0
            after = before + asked if values["size"].startswith("+") else asked
            if after < before:
                raise TaskError("shrinking disks is not supported")
            vm.config[disk] = self._resized(vm.config[disk], after)

        return str(await self.task(vm.node, "resize", vm.vmid, user, grow, vm=vm))

    def _resized(self, drive: str, size: int) -> str:
        volume, options = split_drive(drive)
        self._qm_volume(volume)["size"] = size
        return str(join_drive(volume, {**options, "size": format_size(size)}))


def _with_description(given: Mapping[str, Any]) -> dict[str, Any]:
    """PVE gives a container's description, and no VM's, back with a newline at its end."""
    if not given.get("description"):
        return dict(given)
    lines = str(given["description"]).rstrip("\n").split("\n")
    return {**given, "description": "".join(f"{line}\n" for line in lines)}
