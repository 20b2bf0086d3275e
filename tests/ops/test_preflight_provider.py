"""The preflight's look at the certificate with the provider's eyes."""

import pytest

from ops.adapters import provider_trust

NAME = "provider's TLS"


def test_our_own_ca_file_is_not_the_providers(run_preflight, monkeypatch, tmp_path, other_certificate):
    """All our calls work by PROXMOX_VE_CA_FILE, and `pulumi up` would fail all the same."""
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setattr(provider_trust, "STORES", (str(tmp_path / "none"), str(other_certificate)))
    result = run_preflight()
    assert result.code == 1
    assert {name for name, check in result.checks.items() if check["status"] == "failed"} == {NAME}
    assert "update-ca-certificates" in result.checks[NAME]["remedy"]
    assert "SSL_CERT_FILE" in result.checks[NAME]["remedy"]


def test_a_machine_without_any_store_trusts_nobody(run_preflight, monkeypatch):
    """A bare container has no ca-certificates."""
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setattr(provider_trust, "STORES", ())
    assert run_preflight().checks[NAME]["status"] == "failed"


def test_the_systems_store_is_enough(run_preflight, monkeypatch, fakepve_cafile):
    """Whoever has put the CA there needs no variable."""
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setattr(provider_trust, "STORES", (fakepve_cafile,))
    assert run_preflight().checks[NAME]["status"] == "ok"


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_without_verification_there_is_nothing_to_trust(run_preflight, monkeypatch):
    """PROXMOX_VE_INSECURE is the provider's own name, too."""
    monkeypatch.setenv("PROXMOX_VE_INSECURE", "true")
    monkeypatch.setattr(provider_trust, "STORES", ())
    monkeypatch.delenv("PROXMOX_VE_CA_FILE")
    monkeypatch.delenv("SSL_CERT_FILE")
    assert run_preflight().checks[NAME]["status"] == "ok"
