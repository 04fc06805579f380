#pragma once

#include <string>
#include <string_view>
#include <vector>

/// S3's answers in XML, as far as they are needed. Safe for any bytes; nothing in them is trusted.
namespace p2p::blob {

/// The word in <Code> of an error, at most 100 bytes; empty where there is none.
std::string error_code(std::string_view xml);

/// Whether it is an answer to ListObjectsV2 at all.
bool is_list(std::string_view xml);

/// An answer to ListObjectsV2.
struct S3List {
  std::vector<std::string> keys;
  bool more = false;  ///< there are keys after these
  std::string next;   ///< the token to ask for those with
};
S3List read_list(std::string_view xml);

}  // namespace p2p::blob
