#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Parsers for the parts of S3's XML answers that are needed. Safe for any bytes.
namespace p2p::blob {

/// The <Code> of an error, at most 100 bytes; empty if there is none.
std::string error_code(std::string_view xml);

/// Whether it is an answer to ListObjectsV2.
bool is_list(std::string_view xml);

/// An answer to ListObjectsV2.
struct S3List {
  std::vector<std::string> keys;
  bool more = false;  ///< the list continues
  std::string next;   ///< continuation token
};
S3List read_list(std::string_view xml);

}  // namespace p2p::blob
