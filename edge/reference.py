"""The OpenAPI document as one HTML page that needs nothing else: no script, no font, no other host. Pure."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --dim: #777; --get: #0a7d4b; --post: #1f5fbf; --delete: #b3261e }
@media (prefers-color-scheme: dark) { :root { --dim: #aaa; --get: #4cc38a; --post: #7aa8f0; --delete: #f2857d } }
* { box-sizing: border-box }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 6rem }
h1 { margin: 0; font-size: 1.8rem } h2 { margin: 2.5rem 0 .5rem; font-size: 1.2rem } p { margin: .4rem 0 }
code, pre, .path { font-family: ui-monospace, monospace; font-size: .9em }
nav a { margin-right: 1rem } a { color: inherit }
details { border: 1px solid var(--line); border-radius: 8px; margin: .4rem 0; padding: 0 .9rem }
summary { cursor: pointer; padding: .5rem 0; display: flex; flex-wrap: wrap; gap: .2rem .8rem; align-items: baseline }
summary span:last-child { color: var(--dim) }
.method { font: 700 .75rem ui-monospace, monospace; min-width: 4rem }
.get { color: var(--get) } .post { color: var(--post) } .delete { color: var(--delete) }
h3 { font-size: .95rem; margin: .8rem 0 .2rem }
table { border-collapse: collapse; width: 100%; font-size: .92rem }
td { border-top: 1px solid var(--line); padding: .35rem .6rem .35rem 0; vertical-align: top; overflow-wrap: anywhere }
td:first-child { white-space: nowrap } .must { color: var(--delete) } .dim { color: var(--dim) }
pre { background: var(--soft); padding: .8rem; border-radius: 8px; overflow-x: auto }
"""


def page(document: Mapping[str, Any]) -> str:
    """The whole page."""
    info = document["info"]
    tags = [tag["name"] for tag in document["tags"]]
    body = "".join(_section(document, tag) for tag in tags)
    links = "".join(f'<a href="#{escape(tag)}">{escape(tag)}</a>' for tag in tags)
    schemas = "".join(_named(name, schema) for name, schema in document["components"]["schemas"].items())
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])} reference</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])} <small class='dim'>{escape(info['version'])}</small></h1>"
        f"<p>{_prose(info['description'])}</p>"
        "<p>Send your key as <code>Authorization: Bearer &lt;key&gt;</code> or <code>x-api-key: &lt;key&gt;</code>."
        ' The same as a document for tools: <a href="/openapi.json">/openapi.json</a>.</p>'
        f'<nav>{links}<a href="#Schemas">Schemas</a></nav>{body}<h2 id="Schemas">Schemas</h2>{schemas}</body></html>\n'
    )


def _section(document: Mapping[str, Any], tag: str) -> str:
    found = "".join(
        _operation(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if tag in operation["tags"]
    )
    return f'<h2 id="{escape(tag)}">{escape(tag)}</h2>{found}'


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    parts = ['<p class="dim">Needs no key.</p>'] if operation.get("security") == [] else []
    if operation["parameters"]:
        rows = "".join(_row(each["name"], each["schema"], each, each["required"]) for each in operation["parameters"])
        parts.append(f"<h3>Parameters</h3><table>{rows}</table>")
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h3>Body, {escape(media_type)}</h3>{_fields(content['schema'])}")
    for status, response in operation["responses"].items():
        name = "Any failure" if status == "default" else status
        kinds = "".join(_answer(media_type, content["schema"]) for media_type, content in response["content"].items())
        parts.append(f"<h3>{name}</h3><table>{kinds}</table>")
    return (
        f'<details id="{escape(operation["operationId"])}"><summary><span class="method {method}">{method.upper()}</span>'
        f'<span class="path">{escape(path)}</span><span>{escape(operation["summary"])}</span></summary>{"".join(parts)}</details>'
    )


def _answer(media_type: str, schema: Mapping[str, Any]) -> str:
    return f"<tr><td><code>{escape(media_type)}</code></td><td>{_kind(schema)}</td></tr>"


def _fields(schema: Mapping[str, Any]) -> str:
    required = schema.get("required", [])
    rows = "".join(_row(name, each, each, name in required) for name, each in schema.get("properties", {}).items())
    about = f'<p class="dim">{_prose(schema["description"])}</p>' if "description" in schema else ""
    return f"<table>{rows}</table>{about}"


def _row(name: str, schema: Mapping[str, Any], told: Mapping[str, Any], required: bool) -> str:
    must = ' <span class="must">required</span>' if required else ""
    about = _prose(str(told.get("description", "")))
    return f"<tr><td><code>{escape(name)}</code>{must}</td><td>{_kind(schema)}</td><td>{about}</td></tr>"


def _kind(schema: Mapping[str, Any]) -> str:
    return " or ".join(dict.fromkeys(_kinds(schema)))


def _kinds(schema: Mapping[str, Any]) -> Iterator[str]:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        yield f'<a href="#schema-{name}">{name}</a>'
    elif "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from _kinds(each)
    elif "enum" in schema or "const" in schema:
        yield from (f"<code>{escape(json.dumps(each))}</code>" for each in schema.get("enum", [schema.get("const")]))
    elif schema.get("type") == "array":
        yield f"list of {_kind(schema.get('items', {}))}"
    else:
        types = schema.get("type", "anything")
        yield from ([types] if isinstance(types, str) else types)


def _named(name: str, schema: Mapping[str, Any]) -> str:
    shown = _fields(schema) if "properties" in schema else f"<pre>{escape(json.dumps(schema, indent=2))}</pre>"
    return f'<details id="schema-{escape(name)}"><summary><span class="path">{escape(name)}</span></summary>{shown}</details>'


def _prose(text: str) -> str:
    words = escape(text).split("`")
    return "".join(f"<code>{word}</code>" if odd % 2 else word for odd, word in enumerate(words))
