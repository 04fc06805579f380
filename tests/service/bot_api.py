"""A strict test double of Telegram's Bot API server: checks every request against botapi.json (exported from aiogram 3.31, Bot API 10.3), enforces
Telegram's limits with its error texts, and fails on demand. Runs in its own thread; the helpers are thread-safe. Stand-alone: python bot_api.py --help."""

import argparse
import asyncio
import collections
import dataclasses
import email.utils
import json
import threading
import time

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from bot_api_methods import Methods, Refused
from botapi_schema import SCHEMA, check_fields
from infra import PATIENCE


@dataclasses.dataclass
class Call:
    method: str
    params: dict
    time: float
    error: str | None = None


class BotApi(Methods):
    def __init__(self, token="123456:TEST-token", flood=False, http_webhooks=True):
        self.token, self.flood, self.http_webhooks = token, flood, http_webhooks
        self.calls, self.violations, self.handed_out, self.answers = [], [], {}, {}
        self.messages, self.updates, self.faults = {}, collections.deque(), []
        self.blocked, self.gone, self.migrated, self.webhook, self.commands = set(), set(), {}, None, {}
        self.forbidden = {}  # by chat: the kinds of media, "photo" and "document", that the bot may not send there
        self.chats, self.received, self.queries = set(), set(), set()  # chats with messages of users; (chat, message); presses
        self.webhook_calls, self.webhook_error = [], None  # statuses; the last failure: (time, text)
        self.pushed = set()  # ids of updates that are being delivered to the webhook
        self.next_message, self.next_update, self.next_query = 100, 1, 1
        self.sent_at, self.wait_until = collections.defaultdict(list), {}
        self.polling = None
        self.clock_ahead = 0  # seconds, in the Date header of the answers
        self.changed = threading.Condition(threading.RLock())
        self.loop = None

    # --- start and stop

    def start(self, port=0, host="127.0.0.1"):
        ready = threading.Event()

        def run():
            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
            self.loop.run_until_complete(self._serve(host, port))
            ready.set()
            self.loop.run_forever()

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        ready.wait()
        return self

    async def _serve(self, host, port):
        self.new_update = asyncio.Event()
        app = web.Application(client_max_size=60 << 20)
        app.router.add_route("*", "/bot{token}/{method}", self._handle)
        app.router.add_post("/control/{what}", self._control)
        app.router.add_get("/control/{what}", self._control)
        app.on_response_prepare.append(self._date)
        self.runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        await self.runner.setup()
        site = web.TCPSite(self.runner, host, port)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        self.url = f"http://{host}:{self.port}"

    def stop(self):
        async def end():
            await self.runner.cleanup()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            self.loop.call_later(0.05, self.loop.stop)
        asyncio.run_coroutine_threadsafe(end(), self.loop)
        self.thread.join(5)

    # --- actions of users

    def send_text(self, text, chat=1000, user=None, language="en", chat_type="private", **more):
        user = chat if user is None else user
        message = {"message_id": self._take("next_message"), "date": int(time.time()), "text": text,
                   "chat": {"id": chat, "type": chat_type, **({"first_name": "U"} if chat_type == "private" else {"title": "G"})},
                   "from": {"id": user, "is_bot": False, "first_name": "U", **({"language_code": language} if language else {})}, **more}
        return self.give({"message": message})

    def press(self, message, label, user=None):
        """Presses the button whose text or data contains `label`."""
        button = next(b for b in message.buttons() if label in b["text"] or label in b.get("callback_data", ""))
        return self.press_data(button["callback_data"], message, user)

    def press_data(self, data, message, user=None):
        query = str(self._take("next_query"))
        self.queries.add(query)
        chat_type = "private" if message.chat > 0 else "supergroup"
        self.give({"callback_query": {"id": query, "from": {"id": message.chat if user is None else user, "is_bot": False, "first_name": "U", "language_code": "en"},
                                      "message": {"message_id": message.id, "date": int(time.time()), "chat": {"id": message.chat, "type": chat_type}},
                                      "chat_instance": "1", "data": data}})
        return query

    def give(self, update, update_id=None):
        """Queues an update, or delivers it to the webhook. Returns its id."""
        with self.changed:
            number = self._take("next_update") if update_id is None else update_id
            self.updates.append({"update_id": number, **update})
            if message := update.get("message"):
                self.chats.add(message["chat"]["id"])
                self.received.add((message["chat"]["id"], message["message_id"]))
        self.loop.call_soon_threadsafe(self.new_update.set)
        self.push_updates()
        return number

    def push_updates(self):
        """Begins to deliver the waiting updates to the webhook, if there is one."""
        with self.changed:
            for update in self.updates if self.webhook else ():
                if update["update_id"] not in self.pushed:
                    self.pushed.add(update["update_id"])
                    asyncio.run_coroutine_threadsafe(self._push(update), self.loop)

    async def _push(self, update):
        async with ClientSession(timeout=ClientTimeout(total=20)) as session:
            for _ in range(50):
                if not self.webhook:
                    break
                self.handed_out.setdefault(update["update_id"], time.monotonic())
                try:
                    secret = self.webhook.get("secret_token")
                    async with session.post(self.webhook["url"], json=update, headers={"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}) as answer:
                        self.webhook_calls.append(answer.status)
                        if answer.status // 100 == 2:
                            with self.changed:
                                if update in self.updates:
                                    self.updates.remove(update)
                            return
                        self.webhook_error = time.time(), f"Wrong response from the webhook: {answer.status} {answer.reason}"
                except (OSError, ClientError, asyncio.TimeoutError):
                    self.webhook_error = time.time(), "Connection refused"
                await asyncio.sleep(0.2)
        self.pushed.discard(update["update_id"])

    def fail(self, methods, kind, count=1, **more):
        """The next `count` calls of these methods (with `chat`: in that chat) fail. kind: 429, 500, 502, drop (before it is handled), lose (the reply,
        after it was handled), slow (`seconds`), garbage."""
        with self.changed:
            self.faults.append({"methods": [methods] if isinstance(methods, str) else list(methods), "kind": kind, "count": count, **more})

    # --- state

    def wait(self, condition, timeout=20, what=""):
        deadline = time.monotonic() + timeout * PATIENCE
        with self.changed:
            while not (value := condition()):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"not within {timeout * PATIENCE} s: {what or condition}; messages: {list(self.messages.values())[-5:]}")
                self.changed.wait(min(left, 0.5))
            return value

    def in_chat(self, chat):
        with self.changed:
            return [m for m in self.messages.values() if m.chat == chat]

    def pictures(self, chat=None):
        with self.changed:
            return [m for m in self.messages.values() if m.media and (chat is None or m.chat == chat)]

    def wait_picture(self, chat=1000, count=1, timeout=30):
        return self.wait(lambda: len(p := self.pictures(chat)) >= count and p, timeout, f"{count} pictures in {chat}")[-1]

    def wait_text(self, words, chat=1000, timeout=20):
        return self.wait(lambda: next((m for m in self.in_chat(chat) if words in m.text and not m.media), None), timeout, f"'{words}' in {chat}")

    # --- requests

    def _take(self, name):
        with self.changed:
            value = getattr(self, name)
            setattr(self, name, value + 1)
            return value

    async def _control(self, request):
        """For other programs: POST /control/text {text, chat}, POST /control/press {message, label}, GET /control/messages, GET /control/violations."""
        what = request.match_info["what"]
        if what == "text":
            return web.json_response({"update_id": self.send_text(**await request.json())})
        if what == "press":
            body = await request.json()
            return web.json_response({"query": self.press(self.messages[body["message"]], body["label"])})
        if what == "violations":
            return web.json_response(self.violations)
        return web.json_response([{**dataclasses.asdict(m), "data": len(m.data)} for m in self.messages.values()])

    async def _date(self, request, response):
        response.headers["Date"] = email.utils.formatdate(time.time() + self.clock_ahead, usegmt=True)

    async def _handle(self, request):
        received = time.monotonic()
        method = request.match_info["method"]
        if request.match_info["token"] != self.token:
            return self._error(401, "Unauthorized")
        if method not in SCHEMA["methods"]:
            return self._error(404, "Not Found")
        try:
            params, files = await self._read(request, method)
        except Refused as refused:
            return self._refuse(method, {}, received, refused, violation=True)
        fault = self._fault(method, params.get("chat_id"))
        kind = fault and fault["kind"]
        if kind == "drop":
            request.transport.abort()
            return web.Response()
        if kind == 429:
            return self._refuse(method, params, received, self._flooded(params, fault.get("retry_after", 1)))
        if kind == 502:
            return web.Response(status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
        if kind == 500:
            return self._error(500, "Internal Server Error")
        if kind == "garbage":
            return web.Response(text="{\"ok\":tru", content_type="application/json")
        if kind == "slow":
            await asyncio.sleep(fault.get("seconds", 2))
        try:
            if method == "getUpdates":
                result = await self._get_updates(**params)
            else:
                result = self._perform(method, params, files)
        except Refused as refused:
            return self._refuse(method, params, received, refused)
        if method != "getUpdates":
            with self.changed:
                self.calls.append(Call(method, params, received))
                self.changed.notify_all()
        if kind == "lose":
            request.transport.abort()
        return web.json_response({"ok": True, "result": result})

    def _fault(self, method, chat):
        with self.changed:
            for fault in self.faults:
                if method in fault["methods"] and fault.get("chat", chat) == chat:
                    fault["count"] -= 1
                    if fault["count"] <= 0:
                        self.faults.remove(fault)
                    return fault
        return None

    async def _read(self, request, method):
        fields = SCHEMA["methods"][method]
        files = {}
        if request.content_type == "application/json":
            params = await request.json()
        else:
            given = dict(request.query)
            if request.method == "POST":
                for name, value in (await request.post()).items():
                    if isinstance(value, web.FileField):
                        files[name] = value.file.read()
                    else:
                        given[name] = value
            params = {name: self._from_form(fields.get(name), value) for name, value in given.items()}
        if problem := check_fields(fields, params, method, files):
            raise Refused(400, f"Bad Request: {problem}")
        return params, files

    @staticmethod
    def _from_form(field, text):
        """Forms contain objects as JSON, numbers and booleans as text."""
        kind = json.dumps(field["type"]) if field else ""
        if "ref" in kind or "array" in kind or ("Integer" in kind and text.lstrip("-").isdigit()) or ("Boolean" in kind and text in ("true", "false")):
            return json.loads(text)
        return text

    def _error(self, code, description, **parameters):
        body = {"ok": False, "error_code": code, "description": description}
        return web.json_response({**body, "parameters": parameters} if parameters else body, status=code)

    def _refuse(self, method, params, received, refused, violation=False):
        with self.changed:
            self.calls.append(Call(method, params, received, refused.description))
            if violation:
                self.violations.append(f"{method}: {refused.description}")
            self.changed.notify_all()
        return self._error(refused.code, refused.description, **refused.parameters)

    def _flooded(self, params, seconds):
        self.wait_until[params.get("chat_id")] = (time.monotonic(), seconds)
        return Refused(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)

    async def _get_updates(self, offset=0, limit=100, timeout=0, allowed_updates=None):
        if self.webhook:
            raise Refused(409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first")
        limit, deadline = min(max(limit, 1), 100), time.monotonic() + min(max(timeout, 0), 50)
        mine = self.polling = object()
        self.new_update.set()  # ends the previous poll
        while True:
            with self.changed:
                while self.updates and (len(self.updates) > -offset if offset < 0 else self.updates[0]["update_id"] < offset):  # negative: counted from the end
                    self.updates.popleft()
                ready = list(self.updates)[:limit]
                if ready:
                    for update in ready:
                        self.handed_out.setdefault(update["update_id"], time.monotonic())
                    self.changed.notify_all()
                    return ready
            self.new_update.clear()
            try:
                await asyncio.wait_for(self.new_update.wait(), deadline - time.monotonic())
            except asyncio.TimeoutError:
                return []
            if self.polling is not mine:
                raise Refused(409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Runs the stand-in until it is stopped. POST /control/text {\"text\": ..., \"chat\": ...} sends what a user would; GET /control/messages lists what the bot has sent.")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--token", default="123456:TEST-token")
    arguments = parser.parse_args()
    server = BotApi(arguments.token).start(arguments.port, arguments.host)
    print(server.url, flush=True)
    threading.Event().wait()
