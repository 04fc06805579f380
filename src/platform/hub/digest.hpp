#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "platform/hub/listing.hpp"

namespace p2p::hub {

/// Incrementally computes the hash that `file` is listed with.
class Digest {
 public:
  explicit Digest(const RemoteFile& file);
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  ~Digest();

  void add(std::string_view bytes);
  /// The hash in lower-case hex; nothing may be added afterwards.
  std::string finish();
  /// The expected result of finish().
  const std::string& expected() const { return expected_; }

 private:
  struct State;
  std::string expected_;
  std::unique_ptr<State> state_;
};

}  // namespace p2p::hub
