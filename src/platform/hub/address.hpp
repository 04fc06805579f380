#pragma once

#include <string>
#include <string_view>

namespace p2p::hub {

/// A repository, or one file in it.
struct Address {
  std::string repository;  ///< owner/name
  std::string revision;    ///< a branch, tag or commit; empty: not named
  std::string file;        ///< path in the repository; empty: the repository as a whole
};

/// Parses OWNER/NAME and what people paste: addresses of a repository, of its pages tree/REVISION, of a file (blob, resolve, raw), of its
/// API and for git, with or without scheme, at `hub_url`, huggingface.co or hf.co; hf://OWNER/NAME[@REVISION][/FILE]. Throws UsageError
/// that says what the text is instead: another host, a dataset, a folder.
Address parse_address(std::string_view text, std::string_view hub_url);

/// Whether `text` is an address rather than the name of a model: it has a slash or a scheme.
bool is_address(std::string_view text);

}  // namespace p2p::hub
