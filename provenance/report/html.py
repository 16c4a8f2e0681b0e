"""The HTML audit: one self-contained file under a strict content security policy, complete without JavaScript.

Rules this module keeps: the template escapes everything; every printed text passes ``visible``; ``None`` and undefined names are errors, never blanks; the
only script and the only style sheet are ours and are named by their hashes in the policy.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from provenance.config import shipped
from provenance.errors import ReportError
from provenance.model.absence import is_absent
from provenance.model.audit import AuditRecord
from provenance.model.training import RecordedRun
from provenance.report import page as page_content
from provenance.report import wording

_TEMPLATE = "audit.html.j2"
_ABSENT = {"NOT_STATED": "not stated", "UNREADABLE": "unreadable"}
_LINK = re.compile(r"https?://[^\s<>\"'`\\]{1,500}")
_FOOT = re.compile(r"[A-Za-z0-9 ]{1,80}")
_SAFE_ID = re.compile(r"(?:sha256:)?([0-9a-f]{8,64})")


@dataclass(frozen=True, slots=True)
class HtmlReport:
    """Writes the self-contained HTML audit."""

    name: str = "html"
    file_name: str = "index.html"
    suffix: str = ".html"
    runs: tuple[RecordedRun, ...] = ()
    """What is known of runs that were made."""

    def render(self, record: AuditRecord) -> bytes:
        """Return the page as UTF-8."""
        return render_html(record, runs=self.runs)


def render_html(record: AuditRecord, *, runs: Sequence[RecordedRun] = (), templates: Path | None = None) -> bytes:
    """Return the HTML audit of a record: the same record gives the same bytes.

    Args:
        record: What was established.
        runs: What is known of runs that were made.
        templates: A folder whose files take the place of ours, name by name.

    Raises:
        ReportError: If a template is missing, broken, or uses a name that does not exist.

    Cost:
        About a second, most of it for the charts; at most 2 MB at 2,000 findings, since what is shown is capped and counted.
    """
    return render_page(_TEMPLATE, {"record": record, "page": page_content.build_page(record, runs)}, foot=_foot(record), templates=templates)


def render_page(template: str, values: Mapping[str, object], *, foot: str, templates: Path | None = None) -> bytes:
    """Return a page of ours as UTF-8: one file with its style sheet and script, which its policy names by their hashes.

    Args:
        template: File name of the template.
        values: What it needs beside ``style``, ``script`` and ``content_security_policy``.
        foot: Text at the foot of printed pages: letters, digits and spaces only, since it is written into the style sheet.
        templates: A folder whose files take the place of ours, name by name.

    Raises:
        ReportError: If a template is missing, broken, or uses a name that does not exist.
    """
    if not _FOOT.fullmatch(foot):
        raise ReportError(f"page foot {foot[:60]!r}: holds other than letters, digits and spaces")
    environment = _environment(templates)
    style = _asset(environment, "audit.css").replace("/*page-foot*/", f'content: "{foot}";')
    script = _asset(environment, "audit.js")
    try:
        text = environment.get_template(template).render(
            **values,
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            content_security_policy=_policy(style, script),
        )
    except jinja2.TemplateError as err:
        where = f"{err.name or template}, line {err.lineno}" if isinstance(err, jinja2.TemplateSyntaxError) else template
        raise ReportError(f"template {where}: {err.message}", hint="compare it with the shipped template of the same name") from err
    return text.encode("utf-8", "replace")


@cache
def _environment(templates: Path | None) -> jinja2.Environment:
    folders = [f for f in (templates, shipped("reports") / "templates") if f is not None]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        number=wording.number,
        percent=wording.percent,
        size=wording.size,
        short=wording.short_digest,
        clip=wording.clip,
        middle=wording.clip_middle,
        known=_known,
        link=_link,
        digest=_digest,
        reading=_reading,
        counted=wording.count,
    )
    environment.tests["absent"] = is_absent
    return environment


def _printed(value: object) -> object:
    """Return what a template expression prints. ``None`` is refused: absence has a name, and a blank would hide it."""
    if isinstance(value, Markup | jinja2.Undefined):
        return value
    if value is None:
        raise jinja2.TemplateRuntimeError("a value that is not there would print as a blank")
    return wording.visible(str(value))


def _known(value: str | None, noun: str = "") -> str:
    """Return a fact, or in words why there is none."""
    if is_absent(value) or value is None:
        return f"{noun} {_ABSENT.get(value or '', 'not known')}".strip()
    return value


def _reading(value: object) -> str:
    """Return a fact that a rule read as the policy wrote it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return wording.clip(str(value), 200)


def _link(value: str) -> Markup:
    """Return a web address as a link, anything else as text: only http and https can be followed."""
    shown = Markup.escape(wording.visible(wording.clip(value, 120)))
    if not _LINK.fullmatch(value):
        return shown
    return Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(value, shown)


def _digest(value: str) -> Markup:
    """Return a digest shortened on the screen and whole in its title and on paper."""
    if is_absent(value):
        return Markup.escape(_known(value))
    whole = wording.visible(wording.clip(value, 120))
    return Markup('<code class="digest" title="{0}" data-full="{0}">{1}</code>').format(whole, wording.visible(wording.short_digest(value)))


def _asset(environment: jinja2.Environment, name: str) -> str:
    """Return a style sheet or script as it is; nothing in it is a template."""
    loader = environment.loader
    if loader is None:
        raise ReportError(f"template {name}: no template folder is set")
    try:
        source, _, _ = loader.get_source(environment, name)
    except jinja2.TemplateNotFound as err:
        raise ReportError(f"template {name}: not found", hint="reinstall provenance-audit") from err
    if "</" in source:
        raise ReportError(f"template {name}: holds '</', which would end the element that it is written into")
    return source


def _foot(record: AuditRecord) -> str:
    """Return the text at the foot of printed pages."""
    match = _SAFE_ID.fullmatch(record.id)
    return f"Training data audit {match.group(1)[:12]}" if match else "Training data audit"


def _policy(style: str, script: str) -> str:
    sources = {"style-src": style, "script-src": script}
    hashed = "; ".join(f"{name} 'sha256-{_sha256_base64(text)}'" for name, text in sources.items())
    return f"default-src 'none'; {hashed}; img-src data:; base-uri 'none'; form-action 'none'"


def _sha256_base64(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
