"""The reference of the gRPC contract as one HTML page: no scripts, no other hosts, light and dark, an anchor for everything."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from docs.generate.contract import PACKAGE, Field, Method, Noun, Service, Shape

_STYLE: Final = """
:root { color-scheme: light dark; --line: #d8dbe0; --quiet: #5b6370; --code: #f3f4f6; --link: #0b57d0; }
@media (prefers-color-scheme: dark) { :root { --line: #3a3f47; --quiet: #a2a9b4; --code: #23262b; --link: #8ab4f8; } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 76rem; padding: 0 1.5rem 6rem; }
a { color: var(--link); text-decoration: none; } a:hover, a:focus { text-decoration: underline; }
code { font: 0.9em ui-monospace, monospace; background: var(--code); border-radius: 4px; padding: 0.1em 0.3em; }
nav ul { columns: 18rem; list-style: none; padding: 0; } nav li { break-inside: avoid; }
h2 { border-top: 2px solid var(--line); margin-top: 3.5rem; padding-top: 1rem; }
h3 { margin: 2.2rem 0 0.3rem; } h4 { margin: 1.6rem 0 0.2rem; font-weight: 600; }
table { border-collapse: collapse; width: 100%; margin: 0.6rem 0; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid var(--line); padding: 0.35rem 0.8rem 0.35rem 0; text-align: left; vertical-align: top; }
th { color: var(--quiet); font-weight: 500; } td:nth-child(3) { min-width: 24rem; }
.kind, .facts { color: var(--quiet); font-size: 0.9em; font-weight: 400; }
:target { outline: 2px solid var(--link); outline-offset: 4px; border-radius: 2px; }
""".strip()


def page(nouns: Sequence[Noun]) -> str:
    """The whole page."""
    return "\n".join(_lines(nouns)) + "\n"


def _lines(nouns: Sequence[Noun]) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{PACKAGE}: reference</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>"
    yield f"<h1>{PACKAGE}</h1>"
    yield (
        "<p>Every service, method, message, field and enum of the gRPC contract, generated from its protos by "
        "<code>make docs</code>. How to call it, what may change and what may be repeated: <code>proto/README.md</code>. "
        "Every reason of failure: <code>docs/errors.md</code>.</p>"
    )
    yield '<nav aria-label="Contents">'
    for noun in nouns:
        yield f'<p><a href="#{noun.name}"><b>{noun.name}.proto</b></a></p>\n<ul>'
        for service in noun.services:
            for method in service.methods:
                yield f"<li>{_link(f'{service.name}.{method.name}')}</li>"
        yield from (f"<li>{_link(shape.name)}</li>" for shape in noun.shapes)
        yield "</ul>"
    yield "</nav>\n<main>"
    for noun in nouns:
        yield from _noun(noun)
    yield "</main>\n</body>\n</html>"


def _noun(noun: Noun) -> Iterator[str]:
    yield f'<h2 id="{noun.name}">{noun.name}.proto</h2>\n{_prose(noun.comment)}'
    for service in noun.services:
        yield from _service(service)
    for shape in noun.shapes:
        yield from _shape(shape)


def _service(service: Service) -> Iterator[str]:
    yield f'<h3 id="{service.name}">{service.name} <span class="kind">service</span></h3>\n{_prose(service.comment)}'
    for method in service.methods:
        anchor = f"{service.name}.{method.name}"
        yield f'<h4 id="{anchor}"><a href="#{anchor}">{method.name}</a></h4>'
        answer = f"{'stream of ' if method.streams else ''}{_link(method.response)}"
        yield f'<p class="facts">{_link(method.request)} &rarr; {answer}{_facts(service, method)}</p>\n{_prose(method.comment)}'


def _facts(service: Service, method: Method) -> str:
    facts = [f"<code>/{PACKAGE}.{service.name}/{method.name}</code>"]
    if method.http:
        facts.append(f"HTTP rule <code>{escape(method.http)}</code>")
    if method.repetition:
        facts.append(method.repetition)
    return "".join(f" &middot; {fact}" for fact in facts)


def _shape(shape: Shape) -> Iterator[str]:
    kind = "enum" if shape.is_enum else "message"
    yield f'<h3 id="{shape.name}"><a href="#{shape.name}">{shape.name}</a> <span class="kind">{kind}</span></h3>'
    yield _prose(shape.comment)
    if shape.fields:
        first, second = ("value", "number") if shape.is_enum else ("field", "type")
        yield f"<table>\n<thead><tr><th>{first}</th><th>{second}</th><th>meaning</th></tr></thead>\n<tbody>"
        yield from (_row(shape, field) for field in shape.fields)
        yield "</tbody>\n</table>"


def _row(shape: Shape, field: Field) -> str:
    anchor = f"{shape.name}.{field.name}"
    name = f'<a href="#{anchor}"><code>{field.name}</code></a>'
    if shape.is_enum:
        second = str(field.number)
    else:
        head, _, tail = field.type.rpartition(" ")
        written = f"{head} {_link(field.links_to)}".lstrip() if field.links_to else escape(f"{head} {tail}".lstrip())
        among = f" <span class='kind'>one of {field.oneof}</span>" if field.oneof else ""
        second = f'{written} <span class="kind">= {field.number}</span>{among}'
    return f'<tr id="{anchor}"><td>{name}</td><td>{second}</td><td>{_inline(field.comment)}</td></tr>'


def _link(name: str) -> str:
    return f'<a href="#{name}">{name}</a>'


def _prose(comment: str) -> str:
    return "\n".join(f"<p>{_inline(' '.join(each.split()))}</p>" for each in comment.split("\n\n") if each.strip())


def _inline(comment: str) -> str:
    """The comment with what stands in backquotes as code."""
    pieces = escape(comment, quote=False).split("`")
    return "".join(f"<code>{piece}</code>" if place % 2 else piece for place, piece in enumerate(pieces))
