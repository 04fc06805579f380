#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "platform/hub/listing.hpp"

namespace p2p::hub {

/// The hash that `file` is listed with, taken of bytes that come in pieces.
class Digest {
 public:
  explicit Digest(const RemoteFile& file);
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  ~Digest();

  void add(std::string_view bytes);
  /// Lower-case hex of all that was added; nothing may be added after it.
  std::string finish();
  /// What finish() has to give.
  const std::string& expected() const { return expected_; }

 private:
  struct State;
  std::string expected_;
  std::unique_ptr<State> state_;
};

}  // namespace p2p::hub
