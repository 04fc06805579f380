#pragma once

#include <filesystem>
#include <string>

#include "base/json.hpp"
#include "engine/checkpoint/safetensors.hpp"

namespace p2p::engine {

/// The part of a LoRA's training configuration (peft's LoraConfig) that changes what it does, from the file's metadata, where diffusers
/// keeps it as `lora_adapter_metadata`.
class LoraAlphas {
 public:
  /// Throws ModelError for metadata that cannot be understood.
  explicit LoraAlphas(const Safetensors& file);

  /// What the changes of `weight` of `component` ("unet", ...) are multiplied by: 1 where the file says nothing.
  float scale(const std::string& component, const std::string& weight, std::size_t rank) const;

 private:
  const Json* find(const std::string& component, const std::string& key) const;
  [[noreturn]] void fail(const std::string& problem) const;

  std::filesystem::path file_;
  Json config_;
};

}  // namespace p2p::engine
