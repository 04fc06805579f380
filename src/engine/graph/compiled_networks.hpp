#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace p2p::engine {

/// Keeps compiled networks from one process to the next. Called from several threads at once. No function throws, whatever the functions
/// that it is given throw: a network that cannot be kept or read again is compiled.
class CompiledNetworks {
 public:
  using Sink = std::function<void(std::string_view bytes)>;

  virtual ~CompiledNetworks() = default;
  /// A name for the bytes that `write` passes to its sink, part by part: other bytes have another name. Empty if `write` throws.
  virtual std::string name_of(const std::function<void(const Sink&)>& write) = 0;
  /// Passes to `read` what was saved under `name`. True if there is something and `read` did not throw. OpenVINO trusts these bytes: they
  /// must be exactly those that were saved.
  virtual bool load(const std::string& name, const std::function<void(const std::shared_ptr<std::string>& bytes)>& read) = 0;
  /// Keeps what `bytes` returns, in place of what has that name.
  virtual void save(const std::string& name, const std::function<std::string()>& bytes) = 0;
};

/// Small networks that are compiled from now on are looked for in `networks`, and saved there; null: no longer. Not thread-safe.
void keep_networks_in(std::shared_ptr<CompiledNetworks> networks);

}  // namespace p2p::engine
