"""A strict stand-in for Telegram's Bot API server: checks every request against botapi.json (exported from aiogram 3.31, Bot API 10.3), keeps Telegram's
limits and words for errors, and fails on demand. Runs in a thread of its own; the helpers may be called from any thread. By hand: python bot_api.py --help."""

import argparse
import asyncio
import collections
import dataclasses
import json
import math
import re
import struct
import threading
import time

from aiohttp import ClientSession, web

from botapi_schema import SCHEMA, check_fields

# With `flood`: at most so many calls in so many seconds, to one chat, to one group, and in all.
CHAT_LIMITS, GROUP_LIMITS, LIMITS = ((4, 1), (13, 10), (64, 60)), ((20, 60),), ((30, 1),)
UNDER_WAY = 0.3  # seconds in which calls that had been sent before a refusal may still come in


class Refused(Exception):
    def __init__(self, code, description, **parameters):
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


def units(text):
    """UTF-16 code units, as Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


def png_size(data):
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        raise Refused(400, "Bad Request: IMAGE_PROCESS_FAILED")
    return struct.unpack(">II", data[16:24])


@dataclasses.dataclass
class Message:
    id: int
    chat: int
    text: str = ""
    caption: str = ""
    media: str = ""  # photo, document
    data: bytes = b""
    keyboard: list = dataclasses.field(default_factory=list)
    reply_to: int | None = None
    thread: int | None = None
    edits: list = dataclasses.field(default_factory=list)  # (time, what)
    sent: float = 0

    def buttons(self):
        return [button for row in self.keyboard for button in row]


@dataclasses.dataclass
class Call:
    method: str
    params: dict
    time: float
    error: str | None = None


class BotApi:
    def __init__(self, token="123456:TEST-token", flood=False, http_webhooks=True):
        self.token, self.flood, self.http_webhooks = token, flood, http_webhooks
        self.calls, self.violations, self.handed_out, self.answers = [], [], {}, {}
        self.messages, self.updates, self.faults = {}, collections.deque(), []
        self.blocked, self.gone, self.migrated, self.webhook, self.commands = set(), set(), {}, None, {}
        self.chats, self.received, self.queries = set(), set(), set()  # what people have written in, (chat, message), presses
        self.webhook_calls = []
        self.next_message, self.next_update, self.next_query = 100, 1, 1
        self.sent_at, self.wait_until = collections.defaultdict(list), {}
        self.polling = None
        self.changed = threading.Condition(threading.RLock())
        self.loop = None

    # --- life

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

    # --- what people do

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
        """Puts an update into the queue, or delivers it to the webhook; gives its id."""
        with self.changed:
            number = self._take("next_update") if update_id is None else update_id
            self.updates.append({"update_id": number, **update})
            if message := update.get("message"):
                self.chats.add(message["chat"]["id"])
                self.received.add((message["chat"]["id"], message["message_id"]))
        self.loop.call_soon_threadsafe(self.new_update.set)
        if self.webhook:
            asyncio.run_coroutine_threadsafe(self._push(self.updates[-1]), self.loop)
        return number

    async def _push(self, update):
        async with ClientSession() as session:
            for _ in range(50):
                self.handed_out.setdefault(update["update_id"], time.monotonic())
                try:
                    secret = self.webhook.get("secret_token")
                    async with session.post(self.webhook["url"], json=update, headers={"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}) as answer:
                        self.webhook_calls.append(answer.status)
                        if answer.status // 100 == 2:
                            return
                except OSError:
                    pass
                await asyncio.sleep(0.2)

    def fail(self, methods, kind, count=1, **more):
        """The next `count` calls of these methods (with `chat`: in that chat) fail. kind: 429, 500, 502, drop (before it is handled), lose (the reply,
        after it was handled), slow (`seconds`), garbage."""
        with self.changed:
            self.faults.append({"methods": [methods] if isinstance(methods, str) else list(methods), "kind": kind, "count": count, **more})

    # --- what is seen

    def wait(self, condition, timeout=20, what=""):
        deadline = time.monotonic() + timeout
        with self.changed:
            while not (value := condition()):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"not within {timeout} s: {what or condition}; messages: {list(self.messages.values())[-5:]}")
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
        """For programs: POST /control/text {text, chat}, POST /control/press {message, label}, GET /control/messages, GET /control/violations."""
        what = request.match_info["what"]
        if what == "text":
            return web.json_response({"update_id": self.send_text(**await request.json())})
        if what == "press":
            body = await request.json()
            return web.json_response({"query": self.press(self.messages[body["message"]], body["label"])})
        if what == "violations":
            return web.json_response(self.violations)
        return web.json_response([{**dataclasses.asdict(m), "data": len(m.data)} for m in self.messages.values()])

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
        """Forms carry objects as JSON, numbers and booleans as text."""
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
        self.new_update.set()  # ends the poll before this one
        while True:
            with self.changed:
                while self.updates and (len(self.updates) > -offset if offset < 0 else self.updates[0]["update_id"] < offset):  # below 0: so many from the end
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

    # --- methods

    def _perform(self, method, params, files):
        with self.changed:
            handler = getattr(self, "_do_" + method, None)
            if handler is None:
                raise Refused(400, f"Bad Request: the stand-in does not know {method}")
            if "chat_id" in params:
                self._check_chat(params["chat_id"], method)
            result = handler(params, files)
            self.changed.notify_all()
            return result

    def _check_chat(self, chat, method):
        if chat in self.migrated:
            raise Refused(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=self.migrated[chat])
        if chat in self.gone or chat not in self.chats | set(self.migrated.values()):
            raise Refused(400, "Bad Request: chat not found")
        if chat in self.blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        now = time.monotonic()
        since, seconds = self.wait_until.get(chat, (0, 0))
        if now < since + seconds:
            if now > since + UNDER_WAY:
                self.violations.append(f"{method} in {chat} before retry_after had passed")
            left = math.ceil(since + seconds - now)
            raise Refused(429, f"Too Many Requests: retry after {left}", retry_after=left)
        if not self.flood:
            return
        for name, limits in ((chat, CHAT_LIMITS + (GROUP_LIMITS if chat < 0 else ())), ("all", LIMITS)):
            if any(sum(now - at < seconds for at in self.sent_at[name]) >= most for most, seconds in limits):
                raise self._flooded({"chat_id": chat}, 2)
        self.sent_at[chat].append(now)
        self.sent_at["all"].append(now)

    def _check_text(self, text, most, what):
        if what == "text" and not text.strip():
            raise Refused(400, "Bad Request: message text is empty")
        if units(text) > most:
            raise Refused(400, f"Bad Request: message {'caption ' if what == 'caption' else ''}is too long")

    def _check_keyboard(self, params):
        keyboard = params.get("reply_markup", {}).get("inline_keyboard", [])
        if any(len(row) > 8 for row in keyboard) or sum(map(len, keyboard)) > 100:
            raise Refused(400, "Bad Request: reply markup is too long")
        for button in [b for row in keyboard for b in row]:
            actions = [name for name in button if name != "text"]
            if len(actions) != 1 or not button["text"]:
                raise Refused(400, "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
            if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= 64:
                raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
            if "url" in button:
                host = button["url"].split("://", 1)[-1].split("/", 1)[0].split(":", 1)[0]
                if "." not in host:
                    raise Refused(400, f"Bad Request: inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")
        return keyboard

    def _new_message(self, params, **content):
        chat = params["chat_id"]
        reply = params.get("reply_parameters", {})
        if reply and not reply.get("allow_sending_without_reply") and (chat, reply["message_id"]) not in self.received | {(m.chat, m.id) for m in self.messages.values()}:
            raise Refused(400, "Bad Request: message to be replied not found")
        message = Message(self._take("next_message"), chat, keyboard=self._check_keyboard(params), reply_to=reply.get("message_id"),
                          thread=params.get("message_thread_id"), sent=time.monotonic(), **content)
        self.messages[message.id] = message
        return self._to_json(message)

    def _to_json(self, message):
        chat = {"id": message.chat, "type": "private" if message.chat > 0 else "supergroup"}
        json_ = {"message_id": message.id, "date": int(time.time()), "chat": chat, "from": {"id": 1, "is_bot": True, "first_name": "Bot"}}
        if message.media == "photo":
            json_["photo"] = [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}]
        elif message.media:
            json_["document"] = {"file_id": "f", "file_unique_id": "u"}
        else:
            json_["text"] = message.text
        if message.caption:
            json_["caption"] = message.caption
        if message.keyboard:
            json_["reply_markup"] = {"inline_keyboard": message.keyboard}
        return json_

    def _editable(self, params):
        message = self.messages.get(params.get("message_id"))
        if message is None or message.chat != params["chat_id"]:
            raise Refused(400, "Bad Request: message to edit not found")
        return message

    def _change(self, message, what, **content):
        keyboard = content.pop("keyboard", message.keyboard)
        if all(getattr(message, name) == value for name, value in content.items()) and keyboard == message.keyboard:
            raise Refused(400, "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message")
        for name, value in {**content, "keyboard": keyboard}.items():
            setattr(message, name, value)
        message.edits.append((time.monotonic(), what))
        return self._to_json(message)

    def _media(self, params, files):
        media = params["media"]
        self._note_markup(media)
        self._check_text(media.get("caption", ""), 1024, "caption")
        source = media["media"]
        if not source.startswith("attach://") or source[9:] not in files:
            raise Refused(400, "Bad Request: wrong file identifier/HTTP URL specified")
        data = files[source[9:]]
        if media["type"] == "photo":
            if len(data) > 10_000_000:
                raise Refused(400, "Bad Request: file is too big")
            width, height = png_size(data)
            if width + height > 10_000 or max(width, height) / min(width, height) > 20:
                raise Refused(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
        elif len(data) > 50_000_000:
            raise Refused(413, "Request Entity Too Large")
        return media, data

    def _note_markup(self, params):
        """Words of people's must never be read as markup."""
        self.violations += [f"{name} was sent" for name in ("parse_mode", "entities", "caption_entities") if name in params]

    def _do_getMe(self, params, files):
        return {"id": int(self.token.split(":")[0]), "is_bot": True, "first_name": "Test", "username": "Prompt2PicTestBot"}

    def _do_setWebhook(self, params, files):
        if params["url"] and not params["url"].startswith("https://") and not self.http_webhooks:
            raise Refused(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        if not re.fullmatch("[A-Za-z0-9_-]{0,256}", params.get("secret_token", "")):
            raise Refused(400, "Bad Request: secret token contains unallowed characters")
        self.webhook = params if params["url"] else None
        return True

    def _do_deleteWebhook(self, params, files):
        self.webhook = None
        return True

    def _do_setMyCommands(self, params, files):
        for command in params["commands"]:
            if not (1 <= len(command["command"]) <= 32 and command["command"].islower() and 1 <= len(command["description"]) <= 256):
                raise Refused(400, "Bad Request: BOT_COMMAND_INVALID")
        self.commands[params.get("language_code", "")] = params["commands"]
        return True

    def _do_sendMessage(self, params, files):
        self._check_text(params["text"], 4096, "text")
        self._note_markup(params)
        return self._new_message(params, text=params["text"])

    def _do_sendPhoto(self, params, files):
        self.violations.append("sendPhoto cannot be repeated safely")
        return self._new_message(params, media="photo", caption=params.get("caption", ""))

    def _do_sendDocument(self, params, files):
        self.violations.append("sendDocument cannot be repeated safely")
        return self._new_message(params, media="document", caption=params.get("caption", ""))

    def _do_editMessageText(self, params, files):
        message = self._editable(params)
        self._check_text(params["text"], 4096, "text")
        self._note_markup(params)
        if message.media:
            raise Refused(400, "Bad Request: there is no text in the message to edit")
        return self._change(message, params["text"], text=params["text"], keyboard=self._check_keyboard(params))

    def _do_editMessageMedia(self, params, files):
        message = self._editable(params)
        media, data = self._media(params, files)
        return self._change(message, media["type"], text="", media=media["type"], caption=media.get("caption", ""), data=data, keyboard=self._check_keyboard(params))

    def _do_editMessageReplyMarkup(self, params, files):
        return self._change(self._editable(params), "keyboard", keyboard=self._check_keyboard(params))

    def _do_deleteMessage(self, params, files):
        if self.messages.pop(params["message_id"], None) is None:
            raise Refused(400, "Bad Request: message to delete not found")
        return True

    def _do_answerCallbackQuery(self, params, files):
        if params["callback_query_id"] not in self.queries or params["callback_query_id"] in self.answers:
            raise Refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        if units(params.get("text", "")) > 200:
            raise Refused(400, "Bad Request: MESSAGE_TOO_LONG")
        self.answers[params["callback_query_id"]] = params.get("text", "")
        return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Runs the stand-in until it is stopped. POST /control/text {\"text\": ..., \"chat\": ...} sends what a user would; GET /control/messages lists what the bot has sent.")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--token", default="123456:TEST-token")
    arguments = parser.parse_args()
    server = BotApi(arguments.token).start(arguments.port, arguments.host)
    print(server.url, flush=True)
    threading.Event().wait()
