"""A page in a real browser that writes down what it says and asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self


class Watched:
    """A page whose console, errors and requests are written down."""

    def __init__(self, browser: Any, path: Path, *, width: int = 1280, javascript: bool = True, color_scheme: str = "light", **more: Any) -> None:
        self.said: list[str] = []
        self.requests: list[str] = []
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=javascript, color_scheme=color_scheme, service_workers="block", **more
        )
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()
