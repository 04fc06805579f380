#include "engine/pipelines/wuerstchen/text_stage.hpp"

#include "engine/pipelines/generation_context.hpp"

namespace p2p::engine::wuerstchen {

TextStage::TextStage(const std::filesystem::path& tokenizer, const std::filesystem::path& encoder, Precision precision, int threads)
    : tokenizer_(tokenizer), encoder_(encoder, tokenizer_.length(), precision, threads) {}

TextStage::Encoded TextStage::encode(const GenerateParams& params, bool guided) const {
  Encoded encoded;
  append(encoded, params.prompt, "prompt");
  if (guided) append(encoded, params.negative_prompt, "negative prompt");
  return encoded;
}

void TextStage::append(Encoded& encoded, const std::string& text, const char* what) const {
  std::vector<float> values;
  if (text.empty()) {
    const std::lock_guard lock(mutex_);
    if (empty_.empty()) empty_ = compute(encoded, text, what);
    values = empty_;
  } else {
    values = compute(encoded, text, what);
  }
  encoded.embedding.insert(encoded.embedding.end(), values.begin(), values.end());
}

std::vector<float> TextStage::compute(Encoded& encoded, const std::string& text, const char* what) const {
  const auto tokens = tokenizer_(text);
  if (tokens.dropped > 0) encoded.notices.push_back(prompt_cut(what, tokens.dropped));
  encoded.multiply_adds += encoder_.multiply_adds();
  return encoder_.encode(tokens.ids, tokens.mask).states;
}

}  // namespace p2p::engine::wuerstchen
