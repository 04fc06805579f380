// Input: a textual inversion file. Result: a name and vectors of the stated size, or a ModelError.

#include "base/error.hpp"
#include "engine/text/textual_inversion.hpp"
#include "fuzz/check.hpp"

namespace {

using namespace p2p::engine;

void read(std::span<const std::byte> bytes) {
  try {
    const TextualInversion word = read_textual_inversion(parse_safetensors(bytes, "x.safetensors"));
    fuzz::check(!word.token.empty() && (word.encoders.size() == 1 || word.encoders.size() == 2));
    for (const auto& vectors : word.encoders) {
      fuzz::check(vectors.count > 0 && vectors.width > 0 && vectors.values.size() == vectors.count * vectors.width);
    }
  } catch (const p2p::ModelError& error) {
    fuzz::check(std::string_view(error.what()).size() < 4096);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  read(input);

  // Again as a header only, with its length before it and some zeros after it.
  for (const std::size_t zeros : {4U, 32U}) read(fuzz::with_header(input, zeros));
  return 0;
}
