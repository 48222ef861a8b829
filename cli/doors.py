"""What the settings say of the ways in, for whoever renders Envoy's files. Pure."""

from edge.envoy.doors import Doors
from edge.envoy.tls import Tls
from services.settings import Settings


def chosen(settings: Settings) -> Doors:
    """The ways in that the operator has chosen."""
    return Doors(tls=certificates(settings), origins=settings.cors_origins, patience=settings.image_timeout)


def certificates(settings: Settings) -> Tls | None:
    """None where the listeners speak plainly."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return Tls(certificate=settings.tls_cert, key=settings.tls_key, client_ca=settings.tls_client_ca)


def scheme(settings: Settings) -> str:
    """Of the REST listener's URL."""
    return "http" if settings.tls_cert is None else "https"
