"""What the settings say of the ways in, for whoever renders Envoy's files or asks whether they are open."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.errors import StartFailed
from cli.places import edges
from edge.envoy import tracing
from edge.envoy.address import Unix, parse
from edge.envoy.doors import Doors
from edge.envoy.tls import BadTls, Tls, look
from edge.envoy.tracing import Collector
from services.settings import Settings
from services.settings.grammar import reachable


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """Where the gateway is asked how it is."""

    url: str
    socket: Path | None = None


def chosen(settings: Settings) -> Doors:
    """The ways in that the operator has chosen."""
    return Doors(tls=_certificates(settings), origins=settings.cors_origins, patience=settings.image_timeout)


def warnings(settings: Settings) -> list[str]:
    """What is unwise of the certificates' files. Raises StartFailed, naming the setting, where they cannot be used."""
    tls = _certificates(settings)
    try:
        return look(tls) if tls else []
    except BadTls as error:
        raise StartFailed(str(error)) from error


def collector(environ: Mapping[str, str]) -> Collector | None:
    """Where Envoy's spans go. Raises StartFailed, naming the variable."""
    try:
        return tracing.collector(environ)
    except tracing.BadCollector as error:
        raise StartFailed(str(error)) from error


def scheme(settings: Settings) -> str:
    """Of the REST listener's URL."""
    return "http" if settings.tls_cert is None else "https"


def probed(settings: Settings, rest_url: str) -> Probed:
    """Through Envoy, unless that lets nobody in without a certificate, which we have not: then the edge itself."""
    return Probed(url=rest_url) if settings.tls_client_ca is None else beside(settings)


def beside(settings: Settings) -> Probed:
    """The edge itself, for who is on this machine and cannot know by which name the certificate of Envoy calls it."""
    edge = parse(reachable(edges(settings)[0].listen))
    return Probed(url="http://edge", socket=edge.path) if isinstance(edge, Unix) else Probed(url=f"http://{edge}")


def inner(settings: Settings) -> str:
    """The gateway as people know it, where it is asked at an address that is its own affair."""
    return f"the gateway of {settings.state_dir}"


def _certificates(settings: Settings) -> Tls | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return Tls(certificate=settings.tls_cert, key=settings.tls_key, client_ca=settings.tls_client_ca)
