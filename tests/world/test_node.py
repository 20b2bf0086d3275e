"""The node's SSH: snippets, provisioning, and what it refuses."""

import base64

import asyncssh
import paramiko
import pytest

from lab.world import World

PROBE = (
    'if [ "$(id -u)" = "0" ]; then echo "0"; elif [ $(sudo -n /usr/sbin/pvesm apiinfo 2>&1 | grep "APIVER" '
    '| wc -l) -gt 0 ] || sudo -n /usr/sbin/qm --help >/dev/null 2>&1; then echo "1"; else echo "0"; fi'
)
EXEC = "sudo pct exec 201 -- /bin/sh -s"


def quoted(script: str) -> str:
    """Wrapped as the provider wraps everything."""
    return "/bin/bash -c '" + script.replace("'", "'\"'\"'") + "'"


def test_the_provider_finds_that_sudo_works(on_node) -> None:
    """The provider's probe is answered as by a node where pulumi may use sudo."""
    assert on_node(quoted(PROBE)) == (0, b"1\n")


def test_a_file_s_size_is_seen_over_sftp(world, put_snippet) -> None:
    """The provider checks an upload by looking at the file over SFTP."""
    put_snippet("web.yaml", "#cloud-config\n")
    node = world.nodes["pve1"]

    async def size() -> int | None:
        async with (
            asyncssh.connect(
                node.address,
                node.port,
                username="pulumi",
                client_keys=[str(world.node_identity.path)],
                known_hosts=([node.host_key.convert_to_public()], [], []),
                config=None,
            ) as connection,
            connection.start_sftp_client() as sftp,
        ):
            return (await sftp.stat("/var/lib/vz/snippets/web.yaml")).size

    assert world._thread.run(size()) == 14


def test_nothing_is_written_outside_the_storage(on_node) -> None:
    """A path that leaves the storage is refused."""
    for path in ("/etc/passwd", "/var/lib/vz/../../../etc/passwd"):
        status, said = on_node(quoted(f"sudo tee {path}"), b"x")
        assert (status, b"Permission denied" in said) == (1, True)


def test_a_command_that_nobody_needs_is_not_found(world, on_node) -> None:
    """The node runs nothing: it answers what it knows, and notes all that it was asked."""
    status, said = on_node("rm -rf /")
    assert (status, b"does not know" in said) == (127, True)
    assert world.commands[-1].line == "rm -rf /"


@pytest.mark.parametrize("user", ["root", "pulumi"])
def test_only_pulumi_s_key_opens_a_node(world, stranger, user: str) -> None:
    """Neither root with the right key nor pulumi with another comes in."""
    node = world.nodes["pve1"]
    path = world.node_identity.path if user == "root" else stranger
    key = paramiko.Ed25519Key.from_private_key_file(str(path))
    with paramiko.SSHClient() as client:
        client.get_host_keys().add(
            f"[{node.address}]:{node.port}",
            "ssh-ed25519",
            paramiko.Ed25519Key(data=node.host_key.public_data),
        )
        with pytest.raises(paramiko.AuthenticationException):
            client.connect(node.address, node.port, user, pkey=key, allow_agent=False, look_for_keys=False)


def test_a_script_leaves_its_files_in_the_container(world, on_node, make_container) -> None:
    """Provisioning is noted with its script, and its files are in the guest byte for byte."""
    make_container()
    content = base64.b64encode(b"it's ${distro_id}\n").decode()
    keys = base64.b64encode(b"ssh-ed25519 AAAA x\n").decode()
    script = (
        'write_file() { printf \'%s\' "$4" | base64 -d > "$1"; }\nbirth_keys() { :; }\n'
        f"write_file '/etc/apt/apt.conf.d/52x' 0644 'root:root' {content}\nbirth_keys ada {keys}\n"
    )
    assert on_node(EXEC, script.encode()) == (0, b"")
    files = world.guest("box").files
    assert files["/etc/apt/apt.conf.d/52x"] == (0o644, "root:root", b"it's ${distro_id}\n")
    assert files["/home/ada/.ssh/authorized_keys"].owner == "ada:ada"
    (noted,) = world.provisioned
    assert (noted.vmid, noted.argv, noted.script, noted.status) == (
        201,
        ("/bin/sh", "-s"),
        script.encode(),
        0,
    )
    assert content not in world.commands[-1].line


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("if true; then\n", "yntax"),
        ("write_file etc 0644 root:root eA==\n", "absolute"),
        ("write_file /x\n", "words"),
    ],
)
def test_a_wrong_script_fails(world, on_node, make_container, script: str, words: str) -> None:
    """A script that no shell would take, or with a wrong line, writes nothing."""
    make_container()
    status, said = on_node(EXEC, f"write_file /ok 0644 root:root eA==\n{script}".encode())
    assert status != 0
    assert words in said.decode()
    assert "/ok" not in world.guest("box").files


def test_a_container_must_run_on_this_node(api, on_node, make_container) -> None:
    """PVE's own words for a container that is not there, and for one that is off."""
    status, said = on_node(EXEC)
    assert (status, said) == (255, b"Configuration file 'nodes/pve1/lxc/201.conf' does not exist\n")
    make_container(start=0)
    assert on_node(EXEC) == (255, b"Error: container '201' not running!\n")
    assert on_node("sudo pct status 201") == (0, b"status: stopped\n")
    assert api.task("POST", "/nodes/pve1/lxc/201/status/start") == "OK"
    assert on_node("pct exec 201 -- hostname") == (0, b"box\n")


def test_a_failure_can_be_ordered(world, on_node, make_container) -> None:
    """A test may say with which code the script of a container ends."""
    make_container()
    world.log.exit_codes[201] = 7
    assert on_node(EXEC, b"true\n")[0] == 7
    assert world.provisioned[-1].status == 7


def test_nodes_share_one_api_and_have_an_ssh_each() -> None:
    """Two nodes: one endpoint, two places to log in."""
    with World(nodes=("pve1", "pve2"), guest_port=0) as world:
        assert len({(node.address, node.port) for node in world.nodes.values()}) == 2
        assert sorted(world.pve.nodes) == ["pve1", "pve2"]
