#pragma once

#include <filesystem>
#include <string>

#include "base/json.hpp"
#include "engine/checkpoint/safetensors.hpp"

namespace p2p::engine {

/// The part of a LoRA's training configuration (peft's LoraConfig) that affects inference. diffusers stores it in the file's metadata as
/// `lora_adapter_metadata`.
class LoraAlphas {
 public:
  /// Throws ModelError for malformed metadata.
  explicit LoraAlphas(const Safetensors& file);

  /// The factor of the changes of `weight` of `component` ("unet", ...): 1 unless the file has one.
  float scale(const std::string& component, const std::string& weight, std::size_t rank) const;

 private:
  const Json* find(const std::string& component, const std::string& key) const;
  [[noreturn]] void fail(const std::string& problem) const;

  std::filesystem::path file_;
  Json config_;
};

}  // namespace p2p::engine
