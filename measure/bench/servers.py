"""The servers that a benchmark runs on: embedded ones of its own, or those of the settings."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ioc import kafka
from ioc.local import LocalStack
from ioc.settings import Settings, load_settings
from measure import services
from store.migrate import migrate


@dataclass(frozen=True)
class Bench:
    """Servers that are ready: topics made, schema applied.

    Attributes:
        settings: Where they are.
        env: The same as ``IOC_*`` variables, for processes.
        folder: For logs and spools.
    """

    settings: Settings
    env: dict[str, str]
    folder: Path

    @contextmanager
    def core(self) -> Iterator[dict[str, int]]:
        """Bridge and worker; gives their process ids."""
        bridge = services.bridge(self.folder, self.env)
        worker = services.worker(self.folder, self.env)
        with ExitStack() as exit_stack:
            exit_stack.callback(bridge.stop)
            bridge.start()
            exit_stack.callback(worker.stop)
            worker.start()
            assert bridge.pid is not None
            assert worker.pid is not None
            yield {"bridge": bridge.pid, "worker": worker.pid}


@contextmanager
def prepared(external: bool) -> Iterator[Bench]:
    """Servers for one benchmark.

    Args:
        external: Use the servers of the settings, which must be there and may be written to;
            otherwise start embedded ones, which end with the benchmark.
    """
    with ExitStack() as exit_stack:
        if external:
            folder = Path(
                exit_stack.enter_context(tempfile.TemporaryDirectory(prefix="ioc-bench-"))
            )
            settings, env = load_settings(), {}
        else:
            stack = exit_stack.enter_context(LocalStack())
            env = stack.settings_env()
            settings, folder = services.settings_of(env), stack.folder
        kafka.create_topics(kafka.await_broker(settings.kafka.bootstrap, 30), settings.kafka)
        migrate(settings.database)
        yield Bench(settings, env, folder)
