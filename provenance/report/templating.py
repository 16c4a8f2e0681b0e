"""Templates to pages: ours, or a user's in their place, under one content security policy that no template can change.

Rules this module keeps: the template escapes everything; every printed text passes ``visible``; ``None`` and undefined names are errors, never blanks; the
only script and the only style sheet are named by their hashes in the policy; the script is always ours. A template runs in a sandbox: it may come with a
workspace that somebody else made.
"""

from __future__ import annotations

import base64
import difflib
import hashlib
import re
import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import jinja2
import jinja2.nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from provenance.config import shipped
from provenance.errors import ReportError
from provenance.model.absence import is_absent
from provenance.model.report_look import Brand
from provenance.report import wording
from provenance.report.brand import brand_style, shown_brand

SHIPPED = "shipped/"
"""Our templates under a name that a user's file of the same name does not hide: ``{% extends "shipped/audit.html.j2" %}``."""
STYLE_SHEET, SCRIPT = "audit.css", "audit.js"
_ABSENT = {"NOT_STATED": "not stated", "UNREADABLE": "unreadable"}
_LINK = re.compile(r"https?://[^\s<>\"'`\\]{1,500}")
_DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_FOOT = re.compile(r"[A-Za-z0-9 ]{1,80}")
_HEAD = re.compile(r"\s*<!DOCTYPE html>\s*<html lang=\"[A-Za-z-]{2,20}\">\s*<head>\s*<meta charset=\"utf-8\">\s*", re.IGNORECASE)
_ERRORS = (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError, RecursionError)
"""What an expression of a template can raise."""


def render_page(
    template: str, values: Mapping[str, object], *, foot: str, templates: Path | None = None, brand: Brand | None = None, name: str | None = None
) -> bytes:
    """Return a page as UTF-8: one file with its style sheet and script, which its policy names by their hashes.

    Args:
        template: File name of the template.
        values: What it needs beside ``style``, ``script``, ``content_security_policy`` and ``brand``.
        foot: Text at the foot of printed pages: letters, digits and spaces only, since it is written into the style sheet.
        templates: A folder whose files take the place of ours, name by name.
        brand: Whose page it is; nobody's otherwise.
        name: What the page is called in errors; the template's name otherwise.

    Raises:
        ReportError: If a template is missing, broken, uses a name that does not exist, or leaves out the policy; it names file and line.
    """
    if not _FOOT.fullmatch(foot):
        raise ReportError(f"page foot {foot[:60]!r}: holds other than letters, digits and spaces")
    environment = _environment(_checked(templates))
    _check_blocks(environment, template, templates)
    whose = brand or Brand()
    style = _asset(environment, STYLE_SHEET).replace("/*page-foot*/", f'content: "{foot}";') + brand_style(whose)
    script = _asset(environment, SCRIPT)
    policy = content_security_policy(style, script)
    try:
        text = environment.get_template(template).render(
            **values,
            style=Markup(style),  # noqa: S704 - a style sheet without markup
            script=Markup(script),  # noqa: S704 - our own file
            content_security_policy=policy,
            brand=shown_brand(whose),
        )
    except _ERRORS as err:
        raise ReportError(
            f"template {_place(err, template)}: {_said(err)}", hint="compare it with the shipped template; see docs/reports.md"
        ) from err
    _check_policy(text, policy, name or template)
    return text.encode("utf-8", "replace")


def content_security_policy(style: str, script: str | None) -> str:
    """Return the policy of a page: nothing is loaded, and only these two run; no script at all where it is ``None``."""
    scripts = "'none'" if script is None else f"'sha256-{_sha256_base64(script)}'"
    return f"default-src 'none'; style-src 'sha256-{_sha256_base64(style)}'; script-src {scripts}; img-src data:; base-uri 'none'; form-action 'none'"


def _checked(templates: Path | None) -> Path | None:
    """Return a user's folder, if it holds what can take the place of a template of ours."""
    if templates is None:
        return None
    if not templates.is_dir():
        raise ReportError(
            f"template folder {templates}: not found", hint="name a folder, or leave it out: --templates, or [report] in provenance.toml"
        )
    ours = {f.name for f in (shipped("reports") / "templates").iterdir()}
    if (templates / SCRIPT).exists():
        raise ReportError(f"{templates / SCRIPT}: the script of a page cannot be replaced", hint="take it out: templates and the style sheet can be")
    if not any((templates / name).is_file() for name in ours):
        raise ReportError(
            f"template folder {templates}: holds no template of ours", hint=f"name files as we do: {', '.join(sorted(ours - {SCRIPT}))}"
        )
    for name in sorted(ours):
        if (templates / name).is_file():
            _readable(templates / name)
    return templates


def _readable(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as err:
        raise ReportError(f"template {file}: not UTF-8: byte {err.start} is not", hint="save it as UTF-8") from err
    except OSError as err:
        raise ReportError(f"template {file}: cannot be read: {err.strerror or err}") from err


def _check_blocks(environment: jinja2.Environment, template: str, templates: Path | None) -> None:
    """Refuse a user's block that takes the place of none of ours: it would be left out without a word."""
    file = None if templates is None else templates / template
    if file is None or not file.is_file():
        return
    try:
        written = environment.parse(_readable(file), name=template, filename=str(file)).body
        ours = environment.get_template(SHIPPED + template).blocks
    except jinja2.TemplateError:
        return  # rendering names the place
    if not any(
        isinstance(node, jinja2.nodes.Extends) and isinstance(node.template, jinja2.nodes.Const) and node.template.value == SHIPPED + template
        for node in written
    ):
        return
    for node in written:
        if isinstance(node, jinja2.nodes.Block) and node.name not in ours:
            near = difflib.get_close_matches(node.name, ours, n=1)
            raise ReportError(
                f"template {file}, line {node.lineno}: block {wording.clip(node.name, 60)!r} takes the place of none of ours",
                hint=f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(ours))}",
            )


@cache
def _environment(templates: Path | None) -> jinja2.Environment:
    ours = jinja2.FileSystemLoader(shipped("reports") / "templates")
    theirs = [] if templates is None else [jinja2.FileSystemLoader(templates)]
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.ChoiceLoader([*theirs, ours, jinja2.PrefixLoader({SHIPPED.rstrip("/"): ours})]),
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
        moment=_moment,
        days=_days,
    )
    environment.tests["absent"] = is_absent
    return environment


def _place(err: BaseException, template: str) -> str:
    """Return file and line of the template at which it failed, as well as the error tells."""
    if isinstance(err, jinja2.TemplateSyntaxError):
        return f"{err.filename or err.name or template}, line {err.lineno}"
    frames = [f for f in traceback.extract_tb(err.__traceback__) if f.filename.endswith((".j2", "<template>"))]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else template


def _said(err: BaseException) -> str:
    if isinstance(err, RecursionError):
        return f'templates extend or include one another without end; to change ours, begin with {{% extends "{SHIPPED}…" %}}'
    text = err.message if isinstance(err, jinja2.TemplateError) and err.message else str(err)
    if isinstance(err, jinja2.TemplateNotFound):
        return f"names a template that is not there: {wording.clip(text, 200)}"
    return wording.clip(wording.visible(text), 300)


def _check_policy(text: str, policy: str, template: str) -> None:
    """Refuse a page whose first element is not the policy: what stands before it, the policy does not govern."""
    head = _HEAD.match(text)
    wanted = f'<meta http-equiv="Content-Security-Policy" content="{Markup.escape(policy)}">'
    if head is None or not text.startswith(wanted, head.end()):
        raise ReportError(
            f"template {template}: the page does not begin with the content security policy",
            hint=f'begin it with {{% extends "{SHIPPED}{template}" %}} and write blocks, or keep the first lines of ours',
        )


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


def _moment(value: str) -> str:
    """Return a time of RFC 3339 as people read it: ``2026-12-01 02:30:00 UTC``."""
    return wording.clip(value, 40).replace("T", " ").replace("Z", " UTC")


def _days(value: str) -> Markup:
    """Return text whose dates are not broken over two lines."""
    return Markup(_DAY.sub(r'<span class="day">\g<0></span>', str(Markup.escape(wording.visible(value)))))  # noqa: S704 - escaped before


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
        source, file, _ = loader.get_source(environment, name)
    except jinja2.TemplateNotFound as err:
        raise ReportError(f"template {name}: not found", hint="reinstall provenance-audit") from err
    except UnicodeDecodeError as err:
        raise ReportError(f"template {name}: not UTF-8: {err}") from err
    if "</" in source:
        raise ReportError(f"template {file or name}: holds '</', which would end the element that it is written into")
    return source


def _sha256_base64(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
