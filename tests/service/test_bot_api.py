"""The Telegram test server behaves like Telegram: a published client works with it, gets Telegram's errors, and is refused what Telegram refuses."""

import asyncio
import contextlib
import struct
import zlib

import pytest
from aiogram import Bot, exceptions
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.methods import SendMessage
from aiogram.types import BotCommand, BufferedInputFile, InlineKeyboardButton, InlineKeyboardMarkup, InputMediaPhoto, ReplyParameters

from bot_api import BotApi

CHAT = 1000


def png(width=64, height=64):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = zlib.compress(b"".join(b"\0" + bytes(3 * width) for _ in range(height)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def keyboard(**button):
    return InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="x", **button)]])


def client(api, token=None):
    return Bot(token or api.token, session=AiohttpSession(api=TelegramAPIServer.from_base(api.url)))


@pytest.fixture
def talk(api):
    """Runs a coroutine function with aiogram's client."""
    api.send_text("hello", chat=CHAT)

    def run(work, token=None):
        async def whole():
            async with client(api, token) as bot:
                return await work(bot)
        return asyncio.run(whole())
    return run


def test_aiogram_works_with_the_server(api, talk):
    async def whole(bot):
        me = await bot.get_me()
        assert me.is_bot and me.username == "Prompt2PicTestBot"
        assert await bot.set_my_commands([BotCommand(command="txt2img", description="Draw")], language_code="ru")
        update = (await bot.get_updates(timeout=1))[0]
        assert update.message.text == "hello" and update.message.from_user.language_code == "en"
        assert await bot.get_updates(offset=update.update_id + 1, timeout=0) == []
        sent = await bot.send_message(CHAT, "<b>&", reply_markup=keyboard(callback_data="again:1"), reply_parameters=ReplyParameters(message_id=update.message.message_id))
        assert sent.text == "<b>&" and sent.reply_markup.inline_keyboard[0][0].callback_data == "again:1"
        assert (await bot.edit_message_text("other", chat_id=CHAT, message_id=sent.message_id)).text == "other"
        media = InputMediaPhoto(media=BufferedInputFile(png(), "x.png"), caption="words")
        edited = await bot.edit_message_media(media, chat_id=CHAT, message_id=sent.message_id, reply_markup=keyboard(url="https://e.org/x"))
        assert edited.photo and edited.caption == "words"
        assert await bot.edit_message_reply_markup(chat_id=CHAT, message_id=sent.message_id, reply_markup=keyboard(callback_data="x"))
        api.press(api.messages[sent.message_id], "x")
        query = (await bot.get_updates(offset=update.update_id + 1, timeout=1))[0].callback_query
        assert query.data == "x" and await bot.answer_callback_query(query.id, "yes")
        with pytest.raises(exceptions.TelegramBadRequest, match="query is too old"):
            await bot.answer_callback_query(query.id)
        assert await bot.delete_message(CHAT, sent.message_id)
        assert (await bot.get_webhook_info()).url == ""
        assert await bot.set_webhook("https://e.org/hook", secret_token="a-b_C1")
        info = await bot.get_webhook_info()
        assert info.url == "https://e.org/hook" and info.last_error_message is None
        with pytest.raises(exceptions.TelegramConflictError, match="webhook is active"):
            await bot.get_updates()
        assert await bot.delete_webhook()
    talk(whole)
    assert [command["command"] for command in api.commands["ru"]] == ["txt2img"]
    assert api.violations == []


def test_updates_are_handed_out_by_offset_and_limit(api, talk):
    for number in range(150):
        api.send_text(str(number), chat=CHAT)

    async def whole(bot):
        assert len(await bot.get_updates()) == 100
        assert len(await bot.get_updates(limit=0)) == 1, "below 1 is 1"
        assert len(await bot.get_updates(limit=1000)) == 100, "above 100 is 100"
        assert [u.message.text for u in await bot.get_updates(offset=-2)] == ["148", "149"], "a negative offset counts from the end"
        assert len(await bot.get_updates()) == 2, "and forgets what is before"
    talk(whole)


def test_of_two_polls_the_first_ends_with_a_conflict(api, talk):
    async def whole(bot):
        offset = (await bot.get_updates())[-1].update_id + 1
        first = asyncio.create_task(bot.get_updates(offset=offset, timeout=20))
        await asyncio.sleep(0.3)
        second = asyncio.create_task(bot.get_updates(offset=offset, timeout=1))
        with pytest.raises(exceptions.TelegramConflictError, match="other getUpdates"):
            await first
        assert await second == []
    talk(whole)


ERRORS = [
    (lambda api: api.fail("sendMessage", 429, retry_after=3), exceptions.TelegramRetryAfter, "Flood control exceeded"),
    (lambda api: api.blocked.add(CHAT), exceptions.TelegramForbiddenError, "bot was blocked by the user"),
    (lambda api: api.gone.add(CHAT), exceptions.TelegramBadRequest, "chat not found"),
    (lambda api: api.chats.clear(), exceptions.TelegramBadRequest, "chat not found"),
    (lambda api: api.migrated.update({CHAT: -1005}), exceptions.TelegramMigrateToChat, "-1005"),
    (lambda api: api.fail("sendMessage", 500), exceptions.TelegramServerError, "Internal Server Error"),
    (lambda api: api.fail("sendMessage", 502), exceptions.ClientDecodeError, "502"),
    (lambda api: api.fail("sendMessage", "garbage"), exceptions.ClientDecodeError, "decode"),
    (lambda api: api.fail("sendMessage", "drop"), exceptions.TelegramNetworkError, "disconnected"),
    (lambda api: api.fail("sendMessage", "lose"), exceptions.TelegramNetworkError, "disconnected"),
]


@pytest.mark.parametrize("make,error,words", ERRORS, ids=[f"{e[1].__name__}-{n}" for n, e in enumerate(ERRORS)])
def test_errors_have_telegrams_format(api, talk, make, error, words):
    make(api)

    async def whole(bot):
        with pytest.raises(error, match=words) as raised:
            await bot.send_message(CHAT, "x")
        return raised.value
    raised = talk(whole)
    if error is exceptions.TelegramRetryAfter:
        assert raised.retry_after == 3
    if error is exceptions.TelegramMigrateToChat:
        assert raised.migrate_to_chat_id == -1005
    assert len(api.in_chat(CHAT)) == (1 if api.faults == [] and api.calls and api.calls[-1].error is None else 0), "only a lost reply leaves the message behind"


def test_a_wrong_token_is_unauthorized_and_an_unknown_method_not_found(api, talk):
    async def whole(bot):
        with pytest.raises(exceptions.TelegramUnauthorizedError):
            await bot.get_me()
    talk(whole, token="1:wrong")

    class NoSuchMethod(SendMessage):
        __api_method__ = "noSuchMethod"

    async def unknown(bot):
        with pytest.raises(exceptions.TelegramNotFound):
            await bot(NoSuchMethod(chat_id=CHAT, text="x"))
    talk(unknown)


class Loose(SendMessage):
    """A client without type checks, unlike aiogram."""
    model_config = {**SendMessage.model_config, "extra": "allow"}


REFUSED = {
    "an unknown parameter": (dict(text="x", colour="red"), "unknown colour"),
    "a missing parameter": (dict(), "text is missing"),
    "a wrong type": (dict(text="x", reply_parameters={"message_id": "x"}), "is no Integer"),
    "no text": (dict(text="  "), "message text is empty"),
    "a long text": (dict(text="x" * 4097), "message is too long"),
    "callback_data of 65 bytes": (dict(text="x", reply_markup={"inline_keyboard": [[{"text": "x", "callback_data": "é" * 32 + "x"}]]}), "BUTTON_DATA_INVALID"),
    "a button without an action": (dict(text="x", reply_markup={"inline_keyboard": [[{"text": "x"}]]}), "Text buttons are unallowed"),
    "a button without a text": (dict(text="x", reply_markup={"inline_keyboard": [[{"callback_data": "x"}]]}), "text is missing"),
    "a button to nowhere": (dict(text="x", reply_markup={"inline_keyboard": [[{"text": "x", "url": "http://localhost:9000/x"}]]}), "Wrong HTTP URL"),
    "a keyboard of no rows": (dict(text="x", reply_markup={"inline_keyboard": [{"text": "x", "callback_data": "x"}]}), "is no array"),
    "too many buttons": (dict(text="x", reply_markup={"inline_keyboard": [[{"text": "x", "callback_data": "x"}] * 9]}), "reply markup is too long"),
    "a reply to nothing": (dict(text="x", reply_parameters={"message_id": 77777}), "message to be replied not found"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refuses_what_telegram_refuses(api, talk, what):
    fields, words = REFUSED[what]

    async def whole(bot):
        with pytest.raises(exceptions.TelegramBadRequest, match=words):
            await bot(Loose.model_construct(chat_id=CHAT, **fields))
    talk(whole)
    assert api.in_chat(CHAT) == []


def test_edits_are_checked(api, talk):
    async def whole(bot):
        sent = await bot.send_message(CHAT, "x", reply_markup=keyboard(callback_data="x"))
        place = dict(chat_id=CHAT, message_id=sent.message_id)
        photo = lambda data, **more: InputMediaPhoto(media=BufferedInputFile(data, "x.png"), **more)
        refused = [
            (bot.edit_message_text("x", reply_markup=keyboard(callback_data="x"), **place), "message is not modified"),
            (bot.edit_message_text("y", chat_id=CHAT, message_id=1), "message to edit not found"),
            (bot.edit_message_media(photo(png(), caption="x" * 1025), **place), "message caption is too long"),
            (bot.edit_message_media(photo(b"no picture"), **place), "IMAGE_PROCESS_FAILED"),
            (bot.edit_message_media(photo(png(5000, 20)), **place), "PHOTO_INVALID_DIMENSIONS"),
            (bot.edit_message_media(InputMediaPhoto(media="attach://nothing"), **place), "wrong file identifier"),
            (bot.set_my_commands([BotCommand(command="Upper", description="x")]), "BOT_COMMAND_INVALID"),
            (bot.set_webhook("https://e.org", secret_token="with space"), "secret token"),
            (bot.answer_callback_query("999"), "query ID is invalid"),
        ]
        for call, words in refused:
            with pytest.raises(exceptions.TelegramBadRequest, match=words):
                await call
        await bot.edit_message_media(photo(png(), caption="x" * 1024), **place)
        with pytest.raises(exceptions.TelegramBadRequest, match="no text in the message"):
            await bot.edit_message_text("z", **place)
    talk(whole)


@pytest.mark.parametrize("kind,chats,limit", [("one chat", [CHAT] * 6, 4), ("one group", [-5] * 22, 20), ("all chats", range(2000, 2040), 30)])
def test_flood_limits_equal_telegrams(kind, chats, limit):
    api = BotApi(flood=True).start()
    api.chats.update(chats)

    async def whole():
        done = 0
        async with client(api) as bot:
            for chat in chats:
                try:
                    await bot.send_message(chat, "x")
                except exceptions.TelegramRetryAfter as error:
                    assert 1 <= error.retry_after <= 2
                    break
                done += 1
                if chat < 0 and done % 4 == 0:
                    for at in range(len(api.sent_at[chat])):  # as if the calls had been spaced
                        api.sent_at[chat][at] -= 4
        return done
    assert asyncio.run(whole()) == limit
    api.stop()


def test_a_call_before_retry_after_is_a_violation(api, talk):
    async def whole(bot):
        api.fail("sendMessage", 429, retry_after=1)
        for wait, fails in ((0, True), (0.5, True), (0.6, False)):
            await asyncio.sleep(wait)
            with pytest.raises(exceptions.TelegramRetryAfter) if fails else contextlib.nullcontext():
                await bot.send_message(CHAT, "x")
    talk(whole)
    assert api.violations == [f"sendMessage in {CHAT} before retry_after had passed"]
