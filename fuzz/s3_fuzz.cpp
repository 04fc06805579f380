// Input: a response of S3. Everything read from it must occur in it.

#include "fuzz/check.hpp"
#include "platform/blob/s3_answer.hpp"

using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const std::string code = p2p::blob::error_code(text);
  check(code.size() <= 100 && text.find(code) != text.npos);
  const p2p::blob::S3List list = p2p::blob::read_list(text);
  check(list.keys.size() <= text.size() / std::string_view("<Key></Key>").size());
  check(!list.more || text.find("<IsTruncated>true</IsTruncated>") != text.npos);
  if (text.find('&') != text.npos) return 0;  // escaped keys do not occur literally
  std::size_t from = 0;
  for (const std::string& key : list.keys) {
    const std::string element = "<Key>" + key + "</Key>";
    from = text.find(element, from);
    check(from != text.npos && key.find("</Key>") == key.npos);
    from += element.size();
  }
  return 0;
}
