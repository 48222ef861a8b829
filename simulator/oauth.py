"""MuleRun's account host: turns a login into a key, and a refresh token into the next one, once."""

import base64
import secrets

from aiohttp import web

from simulator.refusals import Refused
from simulator.wire import Json, dump
from simulator.world import WORLD

EXPIRES_IN_S = 3600


async def exchange(request: web.Request) -> web.Response:
    """POST /api/platform/users/cli-token: an access token for the account's key."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.startswith("eyJ"):
        raise Refused(401, "an access token is needed", code="UNAUTHORIZED")
    account = request.app[WORLD].account
    if account.is_dead(token):
        raise Refused(401, "the access token has expired", code="UNAUTHORIZED")
    return web.json_response({"code": "SUCCESS", "data": {"key": account.key}})


async def refresh(request: web.Request) -> web.Response:
    """POST /oauth2/token: a refresh token for new tokens; the old one dies."""
    form = await request.post()
    if form.get("grant_type") != "refresh_token":
        raise Refused(400, "only refresh_token is served", code="unsupported_grant_type")
    if form.get("client_id") != "mulerun-cli":
        raise Refused(401, "unknown client", code="invalid_client")
    account = request.app[WORLD].account
    token = form.get("refresh_token")
    if not isinstance(token, str) or not token.startswith("ory_rt_") or account.is_dead(token):
        raise Refused(400, "The refresh token is invalid, expired or was already used.", code="invalid_grant")
    account.kill(token)
    answer: dict[str, Json] = {
        "access_token": access_token(request.app[WORLD].options.now()),
        "refresh_token": f"ory_rt_{secrets.token_urlsafe(32)}",
        "expires_in": EXPIRES_IN_S,
    }
    return web.json_response(answer)


def access_token(now: float) -> str:
    """A token of the right shape, signed by nobody."""
    claims = {"iss": "https://simulator.invalid", "iat": int(now), "exp": int(now) + EXPIRES_IN_S, "jti": secrets.token_hex(8)}
    parts = [base64.urlsafe_b64encode(dump(part)).rstrip(b"=").decode() for part in ({"alg": "none", "typ": "JWT"}, claims)]
    return ".".join([*parts, "simulated"])
