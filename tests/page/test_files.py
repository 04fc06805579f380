"""A picture recalls its parameters."""

import struct

import pytest
from playwright.sync_api import expect

from fake_api import exif, jpeg, png, webp

TEXT = "a castle, evening\nNegative prompt: blur, noise\nSteps: 12, Sampler: DPM++ 2M Karras, CFG scale: 5.5, Seed: 42, Size: 960x640, Model: every, Version: any"

DROP = """([bytes, name]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(bytes)], name));
  for (const type of ['dragover', 'drop'])
    window.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


def drop(page, data, name="picture.png"):
    page.page.evaluate(DROP, [list(data), name])


@pytest.mark.parametrize("data", [png(TEXT), png(TEXT, True), jpeg(exif(TEXT)), webp(exif(TEXT)), jpeg(exif(TEXT, "<")), webp(exif(TEXT, "<"))],
                         ids=["text", "international", "jpeg", "webp", "jpeg-little", "webp-little"])
def test_a_dropped_picture_recalls_its_parameters(user, fake_api, data):
    page = user(routes=fake_api)
    expect(page.find(".example")).to_have_count(1)
    drop(page, data)
    expect(page.prompt).to_have_value("a castle, evening")
    expect(page.find("#toast")).to_have_text("Parameters recalled.")
    expect(page.find("#drop")).to_be_hidden()
    page.prompt.press("Enter")
    expect(page.pictures).to_have_count(1)
    assert fake_api.bodies == [{"prompt": "a castle, evening", "model": "every", "negative_prompt": "blur, noise", "steps": 12, "guidance": 5.5,
                                "seed": 42, "size": "960x640", "sampler": "dpmpp_2m_karras"}]


def test_the_schedule_belongs_to_the_sampler(user, fake_api):
    page = user(routes=fake_api)
    expect(page.find(".example")).to_have_count(1)
    for count, (sampler, sent) in enumerate([("DPM++ 2M, Schedule type: Karras", "dpmpp_2m_karras"), ("DPM++ SDE, Schedule type: Exponential", "DPM++ SDE Exponential")], 1):
        fake_api.bodies.clear()
        drop(page, png(TEXT.replace("DPM++ 2M Karras", sampler)))
        expect(page.find("#set-sampler")).to_have_value(sent)
        page.prompt.press("Enter")
        expect(page.pictures).to_have_count(count)
        assert [body["sampler"] for body in fake_api.bodies] == [sent]


def test_a_downloaded_picture_recalls_what_drew_it(user, tmp_path):
    page = user()
    card = page.draw("сова на жёлтом фоне")
    seed = page.seeds()[0]
    with page.page.expect_download() as download:
        page.act(card, "download")
    download.value.save_as(tmp_path / "owl.png")
    page.find("#file").set_input_files(tmp_path / "owl.png")
    expect(page.prompt).to_have_value("сова на жёлтом фоне")
    expect(page.find(".chip[data-name=seed]")).to_contain_text(str(seed))


def test_what_the_model_cannot_do_is_named(user, fake_api):
    page = user(routes=fake_api)
    expect(page.find(".example")).to_have_count(1)
    drop(page, png(TEXT.replace("960x640", "4096x4096").replace("Model: every", "Model: another")))
    expect(page.find("#toast")).to_have_text("Parameters recalled, except what this model cannot do: model, size.")
    expect(page.find(".chip[data-name=steps]")).to_be_visible()


def endless():
    """A chunk that claims more bytes than there are."""
    return png()[:33] + struct.pack(">I", 0x7FFFFFFF) + b"tEXt" + b"parameters\0x"


@pytest.mark.parametrize("data, sentence", [
    (png(), "There are no generation parameters in this file."),
    (png("only words"), "There are no generation parameters in this file."),
    (b"GIF89a" + bytes(100), "This is not a PNG, JPEG or WebP. Parameters can be read from such files only."),
    (b"", "This is not a PNG, JPEG or WebP. Parameters can be read from such files only."),
    (jpeg(), "There are no generation parameters in this file."),
    (webp(), "There are no generation parameters in this file."),
    (jpeg(exif(TEXT)[:20]), "The file is damaged, its parameters cannot be read."),
    (webp(exif(TEXT)[:-20]), "The file is damaged, its parameters cannot be read."),
    (jpeg(exif(TEXT))[:60], "The file is damaged, its parameters cannot be read."),
    (webp(exif(TEXT))[:60], "The file is damaged, its parameters cannot be read."),
    (b"\xff\xd8\xff\xe1\0\0" + bytes(100), "The file is damaged, its parameters cannot be read."),
    (png()[:20], "The file is damaged, its parameters cannot be read."),
    (endless(), "The file is damaged, its parameters cannot be read."),
    (png(TEXT, True).replace(b"\x78\x9c", b"\x00\x00", 1), "The file is damaged, its parameters cannot be read."),
], ids=["without", "words", "gif", "empty", "jpeg", "webp", "exif-cut", "comment-cut", "jpeg-cut", "webp-cut", "marker", "cut", "endless", "compressed"])
def test_other_files_get_a_sentence(user, fake_api, data, sentence):
    page = user(routes=fake_api)
    page.prompt.fill("my draft")
    drop(page, data)
    expect(page.find("#toast")).to_have_text(sentence)
    expect(page.prompt).to_have_value("my draft")


def test_a_compressed_text_is_bounded(user, fake_api):
    page = user(routes=fake_api)
    page.page.evaluate("""async (bytes) => {
      const { parametersIn } = await import('/page/picture_file.js');
      window.size = (await parametersIn(new Uint8Array(bytes))).length;
    }""", list(png("x" * 20_000_000, True)))
    assert page.page.evaluate("window.size") == 128 << 10
