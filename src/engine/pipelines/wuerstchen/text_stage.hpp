#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "engine/models/clip_text.hpp"
#include "engine/pipelines/text_to_image.hpp"
#include "engine/text/clip_tokenizer.hpp"

namespace p2p::engine::wuerstchen {

/// Encodes prompts for a stage. The empty prompt, used by guidance without a negative prompt, is encoded once.
/// Safe to use from several threads.
class TextStage {
 public:
  TextStage(const std::filesystem::path& tokenizer, const std::filesystem::path& encoder, Precision precision, int threads);

  struct Encoded {
    std::vector<float> embedding;   ///< [1 or 2, tokens, width]: the prompt, then, if guided, the negative prompt
    double multiply_adds = 0;       ///< of the encoding
    std::vector<Sentence> notices;  ///< about omitted text
  };
  Encoded encode(const GenerateParams& params, bool guided) const;

  std::int64_t tokens() const { return static_cast<std::int64_t>(tokenizer_.length()); }
  const Weights& weights() const { return encoder_.weights(); }
  std::size_t width() const { return encoder_.config().hidden_size; }

 private:
  void append(Encoded& encoded, const std::string& text, const char* what) const;
  std::vector<float> compute(Encoded& encoded, const std::string& text, const char* what) const;

  ClipTokenizer tokenizer_;
  ClipText encoder_;
  mutable std::mutex mutex_;
  mutable std::vector<float> empty_;
};

}  // namespace p2p::engine::wuerstchen
