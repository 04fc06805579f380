// Input: a line with the header Prefer, then the body of a call of the HTTP API. Result: an error, or a request that workers can decode.

#include "fuzz/check.hpp"
#include "services/api/generations_body.hpp"
#include "services/api/prefer.hpp"

using fuzz::check;
using namespace p2p;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view body = fuzz::text_of(data, size);
  const auto preference = api::preference_of(fuzz::next_line(body));
  check(!preference || (preference->count() >= 0 && preference->count() <= 600));
  try {
    api::GenerationsBody read = api::read_generations_body(body, {.model = "emoji", .aliases = {{"dall-e-3", "emoji"}}});
    messages::Request& request = read.request;
    check(request.count >= 1 && request.count <= 10);
    check(request.width.has_value() == request.height.has_value());
    if (request.width) check(std::int64_t{*request.width} * *request.height <= 1536 * 1536);
    request.id = "a";
    request.time = from_millis(1'700'000'000'000);
    const auto again = messages::decode_request(messages::encode(request));
    check(again && again->prompt == request.prompt && again->variations == request.variations && again->sampler == request.sampler &&
          again->count == request.count && again->output_format == request.output_format);
    check(again->output_compression == request.output_compression);
  } catch (const api::ApiError& error) {
    check(error.status() == 400);
    error.json().dump();  // throws if it is not UTF-8
  }
  return 0;
}
