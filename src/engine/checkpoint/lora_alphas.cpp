#include "engine/checkpoint/lora_alphas.hpp"

#include <cmath>

namespace p2p::engine {
namespace {

constexpr const char* kMetadataKey = "lora_adapter_metadata";
constexpr std::string_view kTextPrefix = "text_model.";

// peft's patterns are regular expressions that match a layer's name, or its part after a dot.
bool fits(std::string_view pattern, std::string_view module) {
  const bool whole = pattern.starts_with('^');
  if (whole) pattern.remove_prefix(1);
  if (pattern.starts_with(kTextPrefix)) pattern.remove_prefix(kTextPrefix.size());
  if (module.starts_with(kTextPrefix)) module.remove_prefix(kTextPrefix.size());
  return module == pattern || (!whole && module.ends_with(pattern) && module[module.size() - pattern.size() - 1] == '.');
}

}  // namespace

LoraAlphas::LoraAlphas(const Safetensors& file) : file_(file.path), config_(Json::object()) {
  const auto entry = file.metadata.find(kMetadataKey);
  if (entry == file.metadata.end()) return;
  try {
    config_ = parse_json(entry->second, file_.string() + ": " + kMetadataKey);
  } catch (const Error& error) {
    throw ModelError(error.what());
  }
  if (!config_.is_object()) fail("expected an object, found " + excerpt(config_));
}

void LoraAlphas::fail(const std::string& problem) const { throw ModelError(file_.string() + ": " + kMetadataKey + ": " + problem); }

const Json* LoraAlphas::find(const std::string& component, const std::string& key) const {
  const auto found = config_.find(component + "." + key);
  return found == config_.end() || found->is_null() ? nullptr : &*found;
}

float LoraAlphas::scale(const std::string& component, const std::string& weight, std::size_t rank) const {
  const auto number = [&](const Json& value, const std::string& key) {
    if (!value.is_number() || !std::isfinite(value.get<double>())) fail(key + ": expected a number, found " + excerpt(value));
    return value.get<double>();
  };
  const Json* const common = find(component, "lora_alpha");
  double alpha = common ? number(*common, component + ".lora_alpha") : static_cast<double>(rank);
  const std::string_view module = std::string_view(weight).substr(0, weight.rfind('.'));
  if (const Json* const patterns = find(component, "alpha_pattern")) {
    if (!patterns->is_object()) fail(component + ".alpha_pattern: expected an object, found " + excerpt(*patterns));
    for (const auto& [pattern, value] : patterns->items()) {
      if (pattern.find_first_of("\\[](){}*+?|$", 0) != pattern.npos)
        fail(component + ".alpha_pattern: expected names of layers, found the regular expression " + excerpt(pattern));
      if (!fits(pattern, module)) continue;
      alpha = number(value, component + ".alpha_pattern");
      break;
    }
  }
  const Json* const rslora = find(component, "use_rslora");
  if (rslora && !rslora->is_boolean()) fail(component + ".use_rslora: expected true or false, found " + excerpt(*rslora));
  const auto size = static_cast<double>(rank);
  return static_cast<float>(alpha / (rslora && rslora->get<bool>() ? std::sqrt(size) : size));
}

}  // namespace p2p::engine
