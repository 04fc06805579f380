#include "app/hub_config.hpp"

#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "platform/hub/hugging_face.hpp"

namespace p2p::app {
namespace {

/// Applies the variable to the setting unless that has a value of its own; false if it has.
bool apply_variable(const char* variable, std::string_view name, LoadedConfig& loaded) {
  for (std::size_t i = 0; i < settings().size(); ++i) {
    const Setting& setting = settings()[i];
    if (setting.name != name) continue;
    if (loaded.values[i].source != "default") return false;
    const char* const value = std::getenv(variable);
    if (value && *value && !setting.apply(loaded.config, value))
      throw UsageError(std::string(variable) + " is invalid; it takes " + std::string(setting.expects));
  }
  return true;
}

}  // namespace

AppConfig hub_config(LoadedConfig loaded) {
  const hub::HuggingFaceHome home([](const char* name) -> const char* { return std::getenv(name); });
  if (home.is_offline()) throw UsageError("HF_HUB_OFFLINE forbids requests to the hub; unset it to pull");
  const bool at_hugging_face = apply_variable("HF_ENDPOINT", "hub_url", loaded);
  apply_variable("HF_TOKEN", "hub_token", loaded);
  // The saved token is for Hugging Face, or for the hub that its own variable names.
  if (at_hugging_face && loaded.config.hub.token.empty()) loaded.config.hub.token = home.saved_token();
  return loaded.config;
}

}  // namespace p2p::app
