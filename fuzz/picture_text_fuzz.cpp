// Input: a picture whose parameters are read, or, if it is none, a text of parameters. Result: valid UTF-8 no longer than three times the
// input, or a UsageError; the prompts and fields that are read from it are parts of it.

#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "base/error.hpp"
#include "engine/image/picture_text.hpp"
#include "engine/pipelines/infotext.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  try {
    text = p2p::engine::parameters_in({data, size}).value_or("");
    if (text.size() > 3 * size) std::abort();
  } catch (const p2p::UsageError&) {
  }
  const p2p::engine::Infotext info = p2p::engine::parse_infotext(text);
  if (info.prompt.size() + info.negative_prompt.size() > text.size()) std::abort();
  if (!info.prompt.empty() && !text.contains(info.prompt)) std::abort();
  for (const auto& [name, value] : info.fields) {
    if (name.empty() || value.size() > text.size()) std::abort();
  }
  return 0;
}
