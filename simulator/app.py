"""Puts the rooms of the simulator under their paths."""

from aiohttp import web

from simulator import admin, downloads, media, oauth
from simulator.gate import gate, sign
from simulator.text import routes as text
from simulator.world import WORLD, World


def build(world: World) -> web.Application:
    """The whole service: API host, account host, assets and admin pages.

    It must be served with `handler_cancellation`, which is how it notices that a caller hung up.
    """
    app = web.Application(middlewares=[gate], client_max_size=world.options.max_body_bytes)
    app[WORLD] = world
    app.on_response_prepare.append(sign)
    app.add_routes(
        [
            web.post("/v1/chat/completions", text.chat),
            web.post("/vendors/openai/v1/chat/completions", text.chat),
            web.post("/vendors/openai/v1/responses", text.responses),
            web.post("/v1/messages", text.messages),
            web.post("/vendors/anthropic/v1/messages", text.messages),
            web.post("/v1/messages/count_tokens", text.count_tokens),
            web.post("/vendors/anthropic/v1/messages/count_tokens", text.count_tokens),
            web.get("/v1/models", text.models),
            web.get("/vendors/openai/v1/models", text.models),
            web.post("/api/platform/users/cli-token", oauth.exchange),
            web.post("/oauth2/token", oauth.refresh),
            web.get("/assets/{task_id}/{name}", downloads.serve),
            web.get("/_sim/requests", admin.requests),
            web.delete("/_sim/requests", admin.forget_requests),
            web.post("/_sim/faults", admin.add_fault),
            web.delete("/_sim/faults", admin.forget_faults),
            web.post("/_sim/release", admin.release),
            web.post("/_sim/tasks/{task_id}", admin.move_task),
            web.post("/_sim/reset", admin.reset),
            web.get("/_sim/stats", admin.stats),
            web.post("/vendors/{path:.+}", media.submit),
            web.get("/vendors/{path:.+}", media.poll),
            web.delete("/vendors/{path:.+}", media.delete),
        ]
    )
    return app
