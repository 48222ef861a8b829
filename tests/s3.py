"""A small S3 on loopback: what the protocol promises of objects and multipart uploads. It believes every signature."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import count
from types import TracebackType
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from aiohttp import web

BUCKET = "copies"
PAGE = 3
"""Objects on one page of a list: few, so that whoever lists has to turn pages."""


@dataclass(frozen=True)
class Stored:
    """One object."""

    body: bytes
    written_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body, usedforsecurity=False).hexdigest()}"'


class S3:
    """One bucket; listens inside `async with`."""

    def __init__(self) -> None:
        self.objects: dict[str, Stored] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        """The parts of multipart uploads that were neither completed nor aborted."""
        self.is_away = False
        """Set, every request is answered 503."""
        self.url = ""
        self._numbers = count(1)

    @property
    def environ(self) -> dict[str, str]:
        """The variables that lead here."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }

    async def __aenter__(self) -> "S3":
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", f"/{BUCKET}", self._bucket)
        app.router.add_route("*", f"/{BUCKET}/{{name:.+}}", self._object)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = "http://{}:{}".format(*self._runner.addresses[0][:2])
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._runner.cleanup()

    async def _bucket(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        if request.method == "POST" and "delete" in request.query:
            names = [each.text or "" for each in ET.fromstring(await request.read()).iterfind(".//{*}Key")]
            for name in names:
                self.objects.pop(name, None)
            gone = "".join(f"<Deleted><Key>{escape(name)}</Key></Deleted>" for name in names)
            return _xml(f"<DeleteResult>{gone}</DeleteResult>")
        if request.method != "GET" or request.query.get("list-type") != "2":
            return _error(501, "NotImplemented")
        after = request.query.get("continuation-token", "")
        names = sorted(name for name in self.objects if name.startswith(request.query.get("prefix", "")) and name > after)
        page, rest = names[:PAGE], names[PAGE:]
        entries = "".join(_entry(name, self.objects[name]) for name in page)
        more = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if rest else ""
        return _xml(f"<ListBucketResult><IsTruncated>{str(bool(rest)).lower()}</IsTruncated>{more}{entries}</ListBucketResult>")

    async def _object(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request):
            return refused
        name, query = request.match_info["name"], request.query
        match request.method:
            case "POST" if "uploads" in query:
                upload = f"upload-{next(self._numbers)}"
                self.uploads[upload] = {}
                return _xml(f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>")
            case "PUT" if "uploadId" in query:
                part = Stored(await request.read())
                self.uploads[query["uploadId"]][int(query["partNumber"])] = part.body
                return web.Response(headers={"etag": part.etag})
            case "POST" if "uploadId" in query:
                parts = self.uploads.pop(query["uploadId"])
                told = [int(each.text or "") for each in ET.fromstring(await request.read()).iterfind(".//{*}PartNumber")]
                self.objects[name] = Stored(b"".join(parts[number] for number in told))
                return _xml(
                    f"<CompleteMultipartUploadResult><ETag>{self.objects[name].etag}</ETag></CompleteMultipartUploadResult>"
                )
            case "DELETE" if "uploadId" in query:
                self.uploads.pop(query["uploadId"], None)
                return web.Response(status=204)
            case "PUT":
                self.objects[name] = Stored(await request.read())
                return web.Response(headers={"etag": self.objects[name].etag})
            case "DELETE":
                self.objects.pop(name, None)
                return web.Response(status=204)
            case "GET" | "HEAD" if name in self.objects:
                return _served(request, self.objects[name])
        return _error(404, "NoSuchKey")

    def _refused(self, request: web.Request) -> web.Response | None:
        if not request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 Credential=key/"):
            return _error(403, "AccessDenied")
        return _error(503, "ServiceUnavailable") if self.is_away else None


def _served(request: web.Request, stored: Stored) -> web.Response:
    headers = {"etag": stored.etag, "last-modified": format_datetime(stored.written_at, usegmt=True)}
    wanted = request.http_range
    first, last, _ = wanted.indices(len(stored.body))
    if wanted.start is None and wanted.stop is None:
        return web.Response(body=stored.body, headers=headers)
    headers["content-range"] = f"bytes {first}-{last - 1}/{len(stored.body)}"
    return web.Response(status=206, body=stored.body[first:last], headers=headers)


def _entry(name: str, stored: Stored) -> str:
    at = stored.written_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    tag, size = escape(stored.etag), len(stored.body)
    return f"<Contents><Key>{escape(name)}</Key><LastModified>{at}</LastModified><ETag>{tag}</ETag><Size>{size}</Size></Contents>"


def _xml(text: str) -> web.Response:
    return web.Response(text=f'<?xml version="1.0" encoding="UTF-8"?>{text}', content_type="application/xml")


def _error(status: int, code: str) -> web.Response:
    return web.Response(status=status, text=f"<Error><Code>{code}</Code></Error>", content_type="application/xml")
