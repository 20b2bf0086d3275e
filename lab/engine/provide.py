"""Finding, fetching or building the engine: each part by the first way that works here."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path

from lab.engine import cache
from lab.engine.build import SOURCES, Builder, find_go
from lab.engine.model import Engine
from lab.engine.plugins import Plugin, wanted
from lab.engine.published import Publishers
from lab.engine.tools import Report


def provide(report: Report, environment: Mapping[str, str] | None = None) -> Engine:
    """Give an engine that is ready to run; the first time on a machine this may take minutes.

    The Pulumi home is the engine's own: nobody's credentials or plugins are read or touched.

    Raises:
        EngineError: there is none to be had here; the message says what to do.
    """
    outside = dict(os.environ if environment is None else environment)
    plugins = wanted()
    versions = [version("pulumi"), *(f"{plugin.name} {plugin.version}" for plugin in plugins)]
    root = cache.location(outside, cache.fingerprint(SOURCES, versions))
    preparing = _Preparation(root=root, outside=outside, report=report)
    return preparing.finished(plugins) or preparing.prepare(plugins)


@dataclass(frozen=True, kw_only=True)
class _Preparation:
    root: Path
    outside: Mapping[str, str]
    report: Report = field(repr=False)

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def built(self) -> Path:
        return self.root / "built"

    @cached_property
    def builder(self) -> Builder:
        builder = find_go(self.outside, self.report)
        self.report("Go keeps what it fetches and compiles, some GB; `go clean -cache -modcache` frees that.")
        return builder

    @property
    def publishers(self) -> Publishers:
        return Publishers(environment=self.outside, report=self.report)

    def finished(self, plugins: tuple[Plugin, ...]) -> Engine | None:
        """Give the engine that an earlier run prepared; neither lock nor other program is needed for it."""
        cli = self._kept_cli()
        if cli is None or not all(plugin.directory(self.home).is_dir() for plugin in plugins):
            return None
        return Engine(path_entries=(cli,), pulumi_home=self.home)

    def prepare(self, plugins: tuple[Plugin, ...]) -> Engine:
        with cache.locked(self.root, self.report):
            cache.sweep(self.root)
            cli = self._cli()
            missing = [plugin for plugin in plugins if not plugin.directory(self.home).is_dir()]
            # A machine that had to build the CLI does not reach the publishers.
            if cli != self.built:
                missing = self._install(cli, missing)
            for plugin in missing:
                self._build(plugin)
        return Engine(path_entries=(cli,), pulumi_home=self.home)

    def _kept_cli(self) -> Path | None:
        for kept in (self.root / "official" / "bin", self.built):
            if kept.is_dir():
                return kept
        return None

    def _cli(self) -> Path:
        """Give the directory of a CLI: installed, else kept, else official, else built."""
        found = self.publishers.installed_cli() or self._kept_cli()
        if found:
            return found
        try:
            return cache.make_once(self.root / "official", self._fetch) / "bin"
        except _NotPublishedHere:
            return cache.make_once(self.built, self.builder.cli)

    def _fetch(self, into: Path) -> None:
        if not self.publishers.install_cli(into):
            raise _NotPublishedHere

    def _install(self, cli: Path, missing: list[Plugin]) -> list[Plugin]:
        """Install published plugins until one cannot be had, and give those that are left."""
        for number, plugin in enumerate(missing):
            try:
                cache.make_once(plugin.directory(self.home), partial(self._fetch_plugin, cli, plugin))
            except _NotPublishedHere:
                return missing[number:]
        return []

    def _fetch_plugin(self, cli: Path, plugin: Plugin, into: Path) -> None:
        """Install into a home of its own first: the CLI's download is no single step."""
        scratch = into / "scratch"
        if not self.publishers.install_plugin(cli, scratch, plugin):
            raise _NotPublishedHere
        for file in plugin.directory(scratch).iterdir():
            file.rename(into / file.name)
        shutil.rmtree(scratch)

    def _build(self, plugin: Plugin) -> None:
        cache.make_once(plugin.directory(self.home), partial(self.builder.plugin, plugin))


class _NotPublishedHere(Exception):  # noqa: N818 - it ends one way and starts the next; nobody sees it
    """The published piece cannot be had from this machine."""
