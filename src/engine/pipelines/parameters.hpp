#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/pipelines/text_to_image.hpp"

namespace p2p::engine {

/// The model and program that drew a picture.
struct Origin {
  std::string_view model;                  ///< its name
  std::string_view sampler;                ///< such as "DDPM"
  std::string_view program;                ///< name and version
  std::string_view precision = {};         ///< such as "bf16"; empty: not said
  std::span<const Sentence> notices = {};  ///< differences from what was asked for
  std::string_view model_hash = {};        ///< first ten digits of the SHA-256 of a model's single file; empty: not said
  std::string_view lora_hashes = {};       ///< such as "NAME: 0123456789ab, ..."; empty: not said
};

/// How a picture was made, in the "infotext" format of AUTOMATIC1111, which other tools read: the prompt, a line "Negative prompt:
/// ..." where there is one, then "Steps: 20, Sampler: DDPM, ...". LoRAs follow the prompt as "<lora:NAME:WEIGHT>". `params` are those
/// of a GenerateResult; unset values are omitted.
std::string parameters_text(const GenerateParams& params, const Origin& origin);

}  // namespace p2p::engine
