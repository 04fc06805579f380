"""The methods of the Telegram test server, with Telegram's limits and error texts."""

import dataclasses
import math
import re
import struct
import time

# Flood limits (calls, seconds) per chat, per group, and in total.
CHAT_LIMITS, GROUP_LIMITS, LIMITS = ((4, 1), (13, 10), (64, 60)), ((20, 60),), ((30, 1),)
UNDER_WAY = 0.3  # seconds after a refusal in which calls that were already sent may still arrive


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


class Methods:
    """The methods of BotApi, which has the state."""

    def _perform(self, method, params, files):
        with self.changed:
            handler = getattr(self, "_do_" + method, None)
            if handler is None:
                raise Refused(400, f"Bad Request: unknown to the test server: {method}")
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
        if media["type"] in self.forbidden.get(params["chat_id"], ()):
            raise Refused(400, f"Bad Request: not enough rights to send {media['type']}s to the chat")
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
        """Texts of users must never be parsed as markup."""
        self.violations += [f"{name} was sent" for name in ("parse_mode", "entities", "caption_entities") if name in params]

    def _do_getMe(self, params, files):
        return {"id": int(self.token.split(":")[0]), "is_bot": True, "first_name": "Test", "username": "Prompt2PicTestBot"}

    def _do_setWebhook(self, params, files):
        if params["url"] and not params["url"].startswith("https://") and not self.http_webhooks:
            raise Refused(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        if not re.fullmatch("[A-Za-z0-9_-]{0,256}", params.get("secret_token", "")):
            raise Refused(400, "Bad Request: secret token contains unallowed characters")
        self.webhook = params if params["url"] else None
        self.push_updates()
        return True

    def _do_getWebhookInfo(self, params, files):
        failed = {"last_error_date": int(self.webhook_error[0]), "last_error_message": self.webhook_error[1]} if self.webhook_error else {}
        return {"url": self.webhook["url"] if self.webhook else "", "has_custom_certificate": False, "pending_update_count": len(self.updates), **failed}

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
