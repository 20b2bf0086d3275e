"""Cloud images, each downloaded once by each node that needs it."""

import hashlib
from pathlib import PurePosixPath

import pulumi
from pulumi_proxmoxve.download import File

from components.models import Image, Settings


class Images:
    """Hands out the volume of an image, and declares its download at the first request."""

    def __init__(self, stack: Settings, opts: pulumi.ResourceOptions) -> None:
        self._stack = stack
        self._opts = opts
        self._files: dict[tuple[str, str, str], File] = {}

    def on_node(self, image: Image, node: str) -> File:
        """Return the file of the image on a node; the checksum is verified by the node."""
        key = (node, image.url, image.checksum)
        if key not in self._files:
            name = file_name(image, pulumi.get_stack(), node)
            self._files[key] = File(
                name,
                node_name=node,
                datastore_id=self._stack.image_storage,
                content_type="import",
                url=image.url,
                file_name=name,
                checksum=image.checksum,
                checksum_algorithm=image.checksum_algorithm,
                # Asking the address for its size at each refresh replaces the file when upstream moves (A15).
                overwrite=False,
                opts=self._opts,
            )
        return self._files[key]


def file_name(image: Image, stack: str, node: str) -> str:
    """Name the file after its address, its checksum, its stack and its node.

    Another image never overwrites or removes this one's file, and neither does another stack, or another node
    that sees the same storage.
    """
    source = PurePosixPath(image.url)
    suffix = ".raw" if source.suffix == ".raw" else ".qcow2"
    identity = hashlib.sha256(f"{image.url} {image.checksum}".encode()).hexdigest()[:8]
    return f"{node}-{stack}-{source.stem}-{identity}{suffix}"
