// Input: a line with the address of a model as users give it, then headers of a hub's response. Addresses name a repository and a file
// inside it; waits are within their limits.

#include "base/error.hpp"
#include "fuzz/check.hpp"
#include "platform/http/retry_after.hpp"
#include "platform/hub/address.hpp"
#include "platform/hub/hugging_face.hpp"
#include "platform/hub/listing.hpp"

using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  const std::string_view given = fuzz::next_line(text);
  try {
    const p2p::hub::Address address = p2p::hub::parse_address(given, "https://hub.example.org:8443");
    check(p2p::hub::is_repository(address.repository));
    check(address.file.empty() || p2p::hub::is_safe_path(address.file));
  } catch (const p2p::UsageError& error) {
    check(std::string_view(error.what()).size() < 1000 + 2 * given.size());
  }
  if (const auto repository = p2p::hub::cached_repository(given)) check(p2p::hub::is_repository(*repository));

  p2p::http::HttpResponse response;
  for (const char* name : {"retry-after", "ratelimit", "ratelimit-reset"}) response.headers.emplace_back(name, fuzz::next_line(text));
  const auto wait = p2p::http::retry_after(response, p2p::from_millis(1'700'000'000'000));
  check(!wait || (wait->count() >= 0 && wait->count() <= 1000 * 86'400));
  return 0;
}
