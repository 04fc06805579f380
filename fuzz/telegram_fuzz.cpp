// Input: a line with the status, then the body of a response of Telegram. Result: a value, or a failure that the bot can handle.

#include <charconv>

#include "fuzz/check.hpp"
#include "platform/telegram/failure.hpp"

using fuzz::check;
using namespace p2p::telegram;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Kind = Failure::Kind;
  std::string_view body = fuzz::text_of(data, size);
  const std::string_view line = fuzz::next_line(body);
  int status = 200;
  std::from_chars(line.data(), line.data() + line.size(), status);
  if (const auto updates = read_updates(status, body)) {
    for (const p2p::Json& update : *updates) check(read_update(update).has_value());
  }
  const Result<p2p::Json> answer = read_answer(status, body);
  if (answer) {
    check(status == 200);
    answer->dump();
    return 0;
  }
  const Failure& failure = answer.error();
  check(!failure.text.empty() || body.find("description") != body.npos);
  check(length_of(failure.text) <= 300);
  p2p::Json(failure.text).dump();  // throws if it is not UTF-8
  check((failure.kind == Kind::flood) == (failure.retry_after.count() > 0));
  check(failure.retry_after <= std::chrono::hours(1));
  check((failure.kind == Kind::migrated) == (failure.migrate_to != 0));
  return 0;
}
