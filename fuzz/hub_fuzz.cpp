// Input: a line with a hub's listing, then a model_index.json. Selected files stay inside their folder, can be verified, and are neither
// pickles nor code.

#include "base/json.hpp"
#include "fuzz/check.hpp"
#include "platform/hub/selection.hpp"

using fuzz::check;

namespace {

void check_file(const p2p::hub::RemoteFile& file) {
  const std::string path = "/" + file.path + "/";
  check(p2p::hub::is_safe_path(file.path) && path.find("/../") == path.npos && path.find("//") == path.npos);
  check(file.size <= 1ull << 50 && (file.sha256.size() == 64 || file.git_blob.size() == 40));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  const std::string_view listing_text = fuzz::next_line(text);
  try {
    const p2p::hub::Listing listing = p2p::hub::read_listing(listing_text, "listing");
    check(listing.commit.size() == 40);
    for (const auto& file : listing.files) check_file(file);
    const std::string written = p2p::hub::write_listing(listing);
    check(p2p::hub::write_listing(p2p::hub::read_listing(written, "written")) == written);
    const p2p::Json index = text.empty() ? p2p::Json() : p2p::parse_json(text, "model_index.json");
    for (const auto& file : p2p::hub::select_files(listing, index, {}).files) {
      check_file(file);
      for (const char* end : {".bin", ".ckpt", ".pt", ".pth", ".py", ".onnx", ".msgpack"}) check(!file.path.ends_with(end));
      const std::string_view name = std::string_view(file.path).substr(file.path.rfind('/') + 1);
      check(!name.starts_with('.'));
    }
  } catch (const p2p::Error& error) {
    check(std::string_view(error.what()).size() < 4096);
    p2p::Json(error.what()).dump();  // throws if the message is not UTF-8
  }
  return 0;
}
