"""How the templates are read and how a value is quoted for the format that it lands in.

A value that a format cannot carry is refused here with a `ValueError`; nothing is ever cut or replaced.
"""

import base64
import json
import re
import shlex
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

TEMPLATES = Path(__file__).parent.parent / "templates"

_BEYOND_ASCII = re.compile(r"[^\x20-\x7e]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


def render(template: str, context: "DataclassInstance") -> str:
    """The template's text with the context's fields as its variables, and no others."""
    values = {field.name: getattr(context, field.name) for field in fields(context)}
    return environment().get_template(template).render(values)


@cache
def environment() -> Environment:
    """The one Jinja environment: an undefined name is an error, white space is what the template shows."""
    jinja = Environment(  # noqa: S701 - these are YAML, shell and configuration files; each value has its filter
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    jinja.policies["json.dumps_function"] = _yaml_safe_json
    jinja.filters |= {"base64": base64_text, "line": one_line, "quoted": quoted, "shell": shlex.quote}
    return jinja


def base64_text(value: str) -> str:
    """The value's UTF-8 bytes as base64 on one line: safe in any shell."""
    return base64.b64encode(value.encode()).decode("ascii")


def one_line(value: str) -> str:
    """The value as it is, or a `ValueError` where it would become two lines of a line-based file."""
    if _CONTROL.search(value):
        raise ValueError(f"{value!r} holds a line break or a control character, which its file cannot carry")
    return value


def quoted(value: object) -> str:
    """The value in double quotes for apt.conf and msmtprc, which have no way to write a quote in quotes."""
    text = one_line(str(value))
    if '"' in text:
        raise ValueError(f"{text!r} holds a double quote, which its file cannot carry: take it out")
    return f'"{text}"'


def _yaml_safe_json(value: Any, **options: Any) -> str:
    """JSON in ASCII that YAML reads back alike.

    `json.dumps` writes a character beyond U+FFFF as two surrogates, which YAML takes for two characters; and
    raw text may hold characters (U+0085, U+2028) that YAML takes for line breaks. YAML's own escapes have
    neither fault.
    """
    if isinstance(value, Undefined):
        str(value)  # raises, and names it; json would only name its type
    text = json.dumps(value, **(options | {"ensure_ascii": False}))
    return _BEYOND_ASCII.sub(_yaml_escape, text)


def _yaml_escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - the end of the basic plane
