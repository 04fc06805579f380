#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "engine/graph/single_entry_cache.hpp"
#include "engine/models/denoiser.hpp"
#include "engine/models/stable_diffusion/unet.hpp"
#include "engine/pipelines/stable_diffusion/text_encoders.hpp"

namespace p2p::engine::stable_diffusion {

/// The networks that LoRAs change, with one set of LoRAs applied.
struct Networks {
  Networks(std::shared_ptr<const TextEncoders> encoders, std::shared_ptr<Unet> unet, Precision precision, int threads,
           std::vector<Sentence> about)
      : text(std::move(encoders)), denoiser(std::move(unet), precision, threads), notices(std::move(about)) {}

  std::shared_ptr<const TextEncoders> text;
  Denoiser denoiser;
  std::vector<Sentence> notices;  ///< what was left out of the LoRAs
};

/// Caches a model's networks for the last set of LoRAs. Networks given out do not change. Safe to use from several threads with different
/// sets.
class LoraNetworks {
 public:
  LoraNetworks(TextEncoders text, std::shared_ptr<const Unet> unet, Precision precision, int threads);

  /// Reads the files unless the last call was for equal ones. Throws ModelError for a file that cannot be read or does not fit, UsageError
  /// for weights out of range.
  std::shared_ptr<const Networks> get(const std::vector<Lora>& loras) const;

  /// Without LoRAs.
  const TextEncoders& text() const { return *text_; }

 private:
  std::shared_ptr<const Networks> build(const std::vector<Lora>& loras) const;

  std::shared_ptr<const TextEncoders> text_;
  std::shared_ptr<const Unet> unet_;
  Precision precision_;
  int threads_;
  SingleEntryCache<std::vector<Lora>, Networks> networks_;
};

}  // namespace p2p::engine::stable_diffusion
