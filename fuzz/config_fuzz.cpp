// Input: a config.json, read with every getter. Result: values within their ranges, or an Error.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.hpp"
#include "engine/checkpoint/config_reader.hpp"

namespace {

using p2p::engine::ConfigReader;

template <typename Get>
void attempt(const Get& get) {
  try {
    if (!get()) std::abort();
  } catch (const p2p::ModelError& error) {
    if (std::string_view(error.what()).size() > 4096) std::abort();
    p2p::Json(error.what()).dump();  // throws if the message is not UTF-8
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const ConfigReader config("config.json", p2p::parse_json(text, "config.json"));
    for (const char* key : {"c", "k", "list"}) {
      attempt([&] { return config.size(key, 1, 65536) - 1 < 65536; });
      attempt([&] { return config.size(key, 0, SIZE_MAX, 1) <= SIZE_MAX; });
      attempt([&] { return std::abs(config.integer(key, -4, 4)) <= 4; });
      attempt([&] { return std::abs(config.number(key, -1e6, 1e6, 0.5)) <= 1e6; });
      attempt([&] { return config.boolean(key) || true; });
      attempt([&] { return config.text(key, "").size() <= text.size(); });
      attempt([&] { return config.integers(key, 0, 9, {{1, 2}}).size() <= text.size() + 2; });
      attempt([&] { return config.booleans(key).size() <= text.size(); });
      attempt([&] { return config.texts(key).size() <= text.size(); });
    }
  } catch (const p2p::Error& error) {
    if (std::string_view(error.what()).size() > 4096) std::abort();
    p2p::Json(error.what()).dump();
  }
  return 0;
}
