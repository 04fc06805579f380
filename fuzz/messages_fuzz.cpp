// Input: each kind of message. Result: an error in one line of UTF-8, or a message that survives encoding and decoding.

#include "base/json.hpp"
#include "fuzz/check.hpp"
#include "platform/messages/messages.hpp"

using namespace p2p::messages;
using fuzz::check;

namespace {

template <typename Message>
void attempt(std::string_view text, std::expected<Message, std::string> (*decode)(std::string_view)) {
  const auto message = decode(text);
  if (!message) {
    check(!message.error().empty() && message.error().size() < 4096 && message.error().find('\n') == std::string::npos);
    p2p::Json(message.error()).dump();  // throws if it is not UTF-8
    return;
  }
  check(is_request_id(message->id));
  const std::string written = encode(*message);
  check(written.size() <= kMaxMessage && written.find('\n') == std::string::npos);
  const auto again = decode(written);
  check(again.has_value());
  check(again->id == message->id && again->time == message->time);
  check(encode(*again) == written);
}

void check_keys(const std::vector<StoredImage>& images) {
  for (const StoredImage& image : images) check(is_image_key(image.key));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  attempt(text, decode_request);
  attempt(text, decode_event);
  attempt(text, decode_control);
  attempt(text, decode_dead_letter);
  attempt(text, decode_model);
  if (const auto event = decode_event(text)) {
    const auto* const accepted = event->as<Accepted>();
    const auto* const back = event->as<HandedBack>();
    const auto* const finished = event->as<Finished>();
    check(!accepted || accepted->request.id == event->id);
    check(!finished || !finished->images.empty());
    if (back) check_keys(back->images);
    if (finished) check_keys(finished->images);
  }
  return 0;
}
