// Input: a prompt for the bundled model's tokenizer. Result: the fixed number of ids, all within the vocabulary; never an error. Runs in
// the repository's root, or with P2P_TOKENIZER set to another tokenizer's folder. Also parses the prompt with weights: pieces no longer
// than the input; and its parts and schedules: texts no longer than the input, their steps ascending.

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/text/clip_tokenizer.hpp"
#include "engine/text/prompt_schedule.hpp"
#include "engine/text/prompt_weights.hpp"

using p2p::engine::ClipTokenizer;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const ClipTokenizer kTokenizer([] {
    const char* const folder = std::getenv("P2P_TOKENIZER");
    return folder ? folder : "models/emoji/prior/tokenizer";
  }());
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto ids = kTokenizer.encode(text);
  if (ids.size() > 4 * size) std::abort();  // an invalid byte becomes the three bytes of U+FFFD
  for (const std::int64_t id : ids) {
    if (id < 0 || static_cast<std::uint64_t>(id) >= kTokenizer.vocabulary_size()) std::abort();
  }
  const auto tokens = kTokenizer(text);
  if (tokens.ids.size() != kTokenizer.length() || tokens.mask.size() != kTokenizer.length()) std::abort();
  const std::size_t room = kTokenizer.length() - 2;
  if (tokens.dropped != (ids.size() > room ? ids.size() - room : 0)) std::abort();

  std::size_t left = 3 * size;
  const auto sections = p2p::engine::parse_prompt_weights(text);
  if (sections.empty() || sections.size() > size + 1) std::abort();
  for (const auto& section : sections) {
    for (const auto& piece : section) {
      if (piece.text.empty() || piece.text.size() > left || !(std::abs(piece.weight) <= 1000)) std::abort();
      left -= piece.text.size();
    }
  }

  const auto parts = p2p::engine::split_at_and(text);
  if (parts.empty() || parts.size() > size / 3 + 1) std::abort();
  for (const auto& part : parts) {
    if (part.text.size() > 3 * size || !(std::abs(part.weight) <= 1000)) std::abort();
    constexpr int kSteps = 7;
    const auto schedule = p2p::engine::parse_prompt_schedule(part.text, kSteps);
    int last = 0;
    for (const auto& scheduled : schedule.texts) {
      if (scheduled.until <= last || scheduled.text.size() > part.text.size()) std::abort();
      last = scheduled.until;
    }
    if (last != kSteps || schedule.at(0) != 0 || schedule.at(kSteps) + 1 != schedule.texts.size()) std::abort();
  }
  p2p::engine::has_prompt_syntax(text);
  return 0;
}
