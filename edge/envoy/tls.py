"""Encrypted listeners: which certificate Envoy shows, and whose it asks for.

Law: certificates are files of the operator's that Envoy reads by itself and reads again when they are replaced; nothing of them
is copied, and nothing is restarted.
"""

import ssl
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

OWN: Final = Path("dynamic", "tls.yaml")
CALLERS: Final = Path("dynamic", "callers.yaml")
_OWN: Final = "certificate"
_CALLERS: Final = "callers"
_TRANSPORT: Final = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3."
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class BadTls(ValueError):
    """The files cannot be used; the text names the setting and what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Files in PEM."""

    certificate: Path
    """The listeners' own, and what leads to its authority."""
    key: Path
    client_ca: Path | None = None
    """Authorities of which callers must show a certificate; None asks for none."""


def look(tls: Tls) -> list[str]:
    """Warnings of files that can be used all the same. Raises BadTls where Envoy could not use them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    given = {"CLI2API_TLS_CERT": tls.certificate, "CLI2API_TLS_KEY": tls.key, "CLI2API_TLS_CLIENT_CA": tls.client_ca}
    for setting, path in given.items():
        if path is not None:
            _read(setting, path)
    try:
        context.load_cert_chain(tls.certificate, tls.key, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        raise BadTls(
            f'CLI2API_TLS_KEY is "{tls.key}": takes the unencrypted PEM key of the certificate "{tls.certificate}"'
            f" ({_why(error)})"
        ) from error
    if tls.client_ca is not None:
        try:
            context.load_verify_locations(tls.client_ca)
        except ssl.SSLError as error:
            raise BadTls(f'CLI2API_TLS_CLIENT_CA is "{tls.client_ca}": takes certificates in PEM ({_why(error)})') from error
    if tls.key.stat().st_mode & _OTHERS:
        return [f"CLI2API_TLS_KEY is {tls.key}, which others than its owner can read: chmod 600 it"]
    return []


def secrets(tls: Tls) -> dict[Path, dict[str, object]]:
    """What Envoy watches, a file for each: where the certificates are, and which folder tells that they were replaced."""
    own = {
        "certificate_chain": {"filename": str(tls.certificate)},
        "private_key": {"filename": str(tls.key)},
        "watched_directory": {"path": str(tls.certificate.parent)},
    }
    found = {OWN: _secret(_OWN, tls_certificate=own)}
    if tls.client_ca is not None:
        ca = {"trusted_ca": {"filename": str(tls.client_ca)}, "watched_directory": {"path": str(tls.client_ca.parent)}}
        found[CALLERS] = _secret(_CALLERS, validation_context=ca)
    return found


def transport_socket(tls: Tls, watched: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """What a listener's filter chain needs; `watched` makes a source of a file of `secrets`."""
    common: dict[str, Any] = {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_certificate_sds_secret_configs": [{"name": _OWN, "sds_config": watched(OWN)}],
    }
    context: dict[str, Any] = {"@type": f"{_TRANSPORT}DownstreamTlsContext", "common_tls_context": common}
    if tls.client_ca is not None:
        common["validation_context_sds_secret_config"] = {"name": _CALLERS, "sds_config": watched(CALLERS)}
        context["require_client_certificate"] = True
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


def _secret(name: str, **content: object) -> dict[str, object]:
    return {"resources": [{"@type": f"{_TRANSPORT}Secret", "name": name, **content}]}


def _read(setting: str, path: Path) -> None:
    try:
        path.read_bytes()
    except OSError as error:
        raise BadTls(f'{setting} is "{path}", which cannot be read: {error.strerror}') from error


def _no_password() -> str:
    raise ValueError("it is encrypted")


def _why(error: ssl.SSLError | ValueError) -> str:
    return str(getattr(error, "reason", None) or error).replace("_", " ").lower()
