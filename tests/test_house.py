"""What the house promises of itself: pages made from code, a wheel that works, links that lead somewhere."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from docs import generate

ROOT = Path(__file__).parents[1]
LONGEST_FILE = 250
CODE = ("*.py", "*.sh", "*.j2", "*.go")


def _files(*patterns):
    """What belongs to the repository, what is about to as well."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in set(listed.stdout.split("\0")) if name and (ROOT / name).exists()]


def test_the_configuration_page_is_what_the_models_say():
    """`make docs` writes it anew."""
    assert generate.TARGET.read_text("utf-8") == generate.render()


def test_the_lock_names_no_index():
    """Exact versions with hashes, wherever they are fetched from."""
    text = (ROOT / "requirements.lock").read_text("utf-8")
    assert "://" not in text
    assert re.search(r"^pulumi==\S+ \\\n    --hash=sha256:", text, re.MULTILINE)


def test_the_wheel_brings_templates_and_commands(tmp_path):
    """What a user installs renders a guest and answers --help, away from the repository."""
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "--wheel-dir",
            tmp_path,
            ROOT,
        ],
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        names = archive.namelist()
    assert not [name for name in names if name.startswith(("tests", "docs"))]
    entry_points = next(name for name in names if name.endswith("entry_points.txt"))
    assert "pve-preflight" in (tmp_path / "site" / entry_points).read_text("utf-8")
    program = (
        "import components.cloud_init as c; from ops.preflight import main;"
        "print(c.__file__); print(c.meta_data('i-1', 'web')); raise SystemExit(main(['--help']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout
    assert "web" in done.stdout


def test_files_fit_a_reader():
    """A file that grows beyond this holds two things, tests as well; none of the code is made or borrowed."""
    sizes = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in _files(*CODE)}
    assert len(sizes) > 300
    assert {name: size for name, size in sizes.items() if size > LONGEST_FILE} == {}


def test_every_link_of_the_documentation_leads_somewhere():
    """Relative links in the pages point at files that are there."""
    broken = [
        f"{page.name}: {target}"
        for page in _files("*.md")
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []


@pytest.mark.parametrize(("ci", "status"), [("true", 1), ("", 0)])
def test_a_skip_is_a_failure_in_ci(tmp_path, ci, status):
    """CI promises that nothing is missing; elsewhere a skip says why and is none."""
    (tmp_path / "conftest.py").write_bytes((ROOT / "tests" / "conftest.py").read_bytes())
    (tmp_path / "test_it.py").write_text("import pytest\ndef test_it():\n    pytest.skip('no root here')\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", str(tmp_path)],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "CI": ci},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, "no root here" in done.stdout) == (status, True), done.stdout
