"""The bill of materials of a stack: settings, images, guests, outputs. No logic."""

import os

import pulumi

from components.container import Container, ContainerArgs
from components.images import Images
from components.node import NodeShell
from components.operations_host import OperationsHost, OperationsHostArgs
from components.settings import load_settings, read_now
from components.virtual_machine import VirtualMachine, VirtualMachineArgs

stack = load_settings()
now = read_now()
shell = NodeShell.from_environment(os.environ, stack.nodes)
proxmox = shell.provider()
images = Images(stack, pulumi.ResourceOptions(provider=proxmox))
of_the_stack = pulumi.ResourceOptions(providers=[proxmox])

machines = [
    VirtualMachine(
        guest.name, VirtualMachineArgs(guest=guest, stack=stack, images=images, now=now), of_the_stack
    )
    for guest in stack.virtual_machines
]
containers = [
    Container(guest.name, ContainerArgs(guest=guest, stack=stack, shell=shell, now=now), of_the_stack)
    for guest in stack.containers
]

if stack.operations_host:
    OperationsHost(
        "operations", OperationsHostArgs.from_environment(stack.operations_host, stack, os.environ)
    )

entries = [machine.entry for machine in machines] + [container.entry for container in containers]
pulumi.export("guests", entries)
