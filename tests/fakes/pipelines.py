"""Airflow and Dagster as far as the examples use them, after their documentation: what fails, what is tried again, and what then runs.

Airflow 3: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/tasks.html (retries; ``AirflowFailException`` fails without another try).
Dagster 1.13: https://docs.dagster.io/guides/test/asset-checks (a blocking check that did not pass keeps downstream assets from running).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any


class AirflowFailException(Exception):  # noqa: N818 – Airflow's name
    """The task fails now; no retry."""


@dataclass(slots=True)
class AirflowTask:
    """A task of a DAG: its function and what runs after it."""

    function: Callable[[], None]
    after: list[AirflowTask] = field(default_factory=list)

    def __rshift__(self, other: AirflowTask) -> AirflowTask:
        self.after.append(other)
        return other


class Airflow:
    """The scheduler, and the modules ``airflow.sdk`` and ``airflow.sdk.exceptions`` that a DAG file imports."""

    def __init__(self) -> None:
        self.tasks: list[AirflowTask] = []
        self.retries = 0
        self.tries: dict[str, int] = {}
        self.states: dict[str, str] = {}

    def modules(self) -> dict[str, ModuleType]:
        sdk, exceptions = ModuleType("airflow.sdk"), ModuleType("airflow.sdk.exceptions")
        sdk.__dict__.update(dag=self._dag, task=self._task, exceptions=exceptions)
        exceptions.__dict__.update(AirflowFailException=AirflowFailException)
        return {"airflow": ModuleType("airflow"), "airflow.sdk": sdk, "airflow.sdk.exceptions": exceptions}

    def _dag(
        self, *, schedule: None, catchup: bool, default_args: dict[str, Any], tags: list[str]
    ) -> Callable[[Callable[[], None]], Callable[[], None]]:
        self.retries = int(default_args["retries"])
        return lambda function: function

    def _task(self, function: Callable[[], None]) -> Callable[[], AirflowTask]:
        def make() -> AirflowTask:
            self.tasks.append(AirflowTask(function))
            return self.tasks[-1]

        return make

    def run(self) -> str:
        """Run all tasks in order and return the state of the DAG run: that of its last task."""
        state = "success"
        for task in self.tasks:
            name = task.function.__name__
            state = self._attempt(name, task.function) if state == "success" else "upstream_failed"
            self.states[name] = state
        return "success" if state == "success" else "failed"

    def _attempt(self, name: str, function: Callable[[], None]) -> str:
        for number in range(1, self.retries + 2):
            self.tries[name] = number
            try:
                function()
            except AirflowFailException:
                return "failed"
            except Exception:  # noqa: BLE001 – Airflow retries whatever a task raises
                continue
            return "success"
        return "failed"


class AssetCheckSeverity(enum.Enum):
    """As Dagster's."""

    WARN = "WARN"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetCheckResult:
    """As Dagster's, as far as it is used."""

    passed: bool
    severity: AssetCheckSeverity = AssetCheckSeverity.ERROR
    description: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


class Failure(Exception):  # noqa: N818 – Dagster's name
    """As Dagster's."""

    def __init__(self, description: str | None = None, metadata: dict[str, Any] | None = None, allow_retries: bool | None = None) -> None:
        super().__init__(description)
        self.allow_retries = allow_retries


class Dagster:
    """A run of all assets, and the module ``dagster`` that a definitions file imports."""

    def __init__(self) -> None:
        self.assets: list[Callable[[], None]] = []
        self.checks: list[tuple[Callable[[], None], Callable[[], AssetCheckResult], bool]] = []
        self.results: list[AssetCheckResult] = []

    def modules(self) -> dict[str, ModuleType]:
        module = ModuleType("dagster")
        names = {
            "asset": self._asset,
            "asset_check": self._asset_check,
            "Definitions": self._definitions,
            "AssetCheckResult": AssetCheckResult,
            "AssetCheckSeverity": AssetCheckSeverity,
            "Failure": Failure,
        }
        module.__dict__.update(names)
        return {"dagster": module}

    def _asset(self, function: Callable[[], None] | None = None, *, deps: list[Any] | None = None) -> Any:
        return function if function is not None else (lambda made: made)

    def _asset_check(self, *, asset: Callable[[], None], blocking: bool = False) -> Callable[[Callable[[], AssetCheckResult]], Any]:
        def take(function: Callable[[], AssetCheckResult]) -> Any:
            self.checks.append((asset, function, blocking))
            return function

        return take

    def _definitions(self, *, assets: list[Callable[[], None]], asset_checks: list[Any]) -> None:
        assert asset_checks == [check for _, check, _ in self.checks]
        self.assets = assets

    def materialize(self) -> list[str]:
        """Make the assets in order and return those that were made; a blocking check of severity ERROR that did not pass ends the run.

        Raises:
            Failure: As the asset raised it.
        """
        made = []
        for asset in self.assets:
            asset()
            made.append(asset.__name__)
            for of, check, blocking in self.checks:
                if of is asset:
                    self.results.append(check())
                    if blocking and not self.results[-1].passed and self.results[-1].severity is AssetCheckSeverity.ERROR:
                        return made
        return made
