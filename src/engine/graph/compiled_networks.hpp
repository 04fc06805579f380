#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace p2p::engine {

/// Stores compiled networks between processes. Called from several threads at once. No function throws, even if a callback does: a
/// network that cannot be stored or loaded is compiled again.
class CompiledNetworks {
 public:
  using Sink = std::function<void(std::string_view bytes)>;

  virtual ~CompiledNetworks() = default;
  /// A name for the bytes that `write` passes to its sink in parts: different bytes have different names. Empty if `write` throws.
  virtual std::string name_of(const std::function<void(const Sink&)>& write) = 0;
  /// Passes the bytes saved under `name` to `read`. Returns true if they exist and `read` did not throw. OpenVINO trusts these bytes: they
  /// must be exactly the saved ones.
  virtual bool load(const std::string& name, const std::function<void(const std::shared_ptr<std::string>& bytes)>& read) = 0;
  /// Saves the result of `bytes`, and replaces an older one of that name.
  virtual void save(const std::string& name, const std::function<std::string()>& bytes) = 0;
};

/// From now on small networks are loaded from `networks`, and saved there after compiling; null turns this off. Not thread-safe.
void keep_networks_in(std::shared_ptr<CompiledNetworks> networks);

}  // namespace p2p::engine
