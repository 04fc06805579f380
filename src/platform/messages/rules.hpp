#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "platform/messages/field_reader.hpp"
#include "platform/messages/messages.hpp"

/// Limits of each field; docs/asyncapi.yaml has the same.
namespace p2p::messages {

inline constexpr std::size_t kMaxName = 64;
inline constexpr std::size_t kMaxDetail = 4096;
inline constexpr std::size_t kMaxTopic = 249;  // Kafka's limit
inline constexpr std::size_t kMaxWorker = 255;
inline constexpr std::size_t kMaxNotices = 32;
inline constexpr int kMaxImages = 64;
inline constexpr std::size_t kMaxVariations = 16;
inline constexpr int kMaxClipSkip = 256;
inline constexpr std::size_t kMaxOffers = 16;
inline constexpr std::size_t kMaxEntries = 64;
inline constexpr std::size_t kMaxValue = 256;
inline constexpr std::size_t kMaxValues = 8;  // of a sentence
inline constexpr int kMaxCount = 1'000'000;
inline constexpr int kMaxPixels = 65535;
inline constexpr int kMaxSteps = 10'000;
inline constexpr double kMaxGuidance = 1000;
inline constexpr double kMaxUpscale = 4;
inline constexpr int kMaxCompression = 100;
inline constexpr double kMaxSeconds = 1e9;
/// The stage of a progress that is a HandedBack.
inline constexpr std::string_view kHandedBack = "handed_back";

/// [a-z0-9-]{1,64}
bool is_model(std::string_view text);
/// [a-z0-9_]{1,64}
bool is_word(std::string_view text);
/// png, jpeg, webp
bool is_output_format(std::string_view text);

inline constexpr TextRule kIdRule{kMaxName, 1, is_request_id, "an id: letters, digits, '.', '_' and '-', the first no dot"};
inline constexpr TextRule kOwnerRule{kMaxName + 17, 1, is_owner, "an id, or a door, ':' and an id, such as telegram:5"};
inline constexpr TextRule kModelRule{kMaxName, 1, is_model, "a model's name: a-z, 0-9 and '-'"};
inline constexpr TextRule kWordRule{kMaxName, 1, is_word, "a word: a-z, 0-9 and '_'"};
inline constexpr TextRule kKeyRule{128, 1, is_image_key, "images/YYYY/MM/DD/ID-N.png, .jpg or .webp"};
inline constexpr TextRule kInputKeyRule{128, 1, is_input_key, "inputs/YYYY/MM/DD/ID.png, .jpeg or .webp"};
inline constexpr TextRule kOutputFormatRule{kMaxName, 1, is_output_format, "png, jpeg or webp"};
inline constexpr TextRule kPreviewKeyRule{128, 1, is_preview_key, "previews/YYYY/MM/DD/ID.png"};
inline constexpr TextRule kPromptRule{.max_bytes = kMaxPrompt};
inline constexpr TextRule kDetailRule{.max_bytes = kMaxDetail};
inline constexpr TextRule kWorkerRule{.max_bytes = kMaxWorker, .min_bytes = 1};
inline constexpr TextRule kTopicRule{.max_bytes = kMaxTopic, .min_bytes = 1};
inline constexpr TextRule kNameRule{.max_bytes = kMaxName, .min_bytes = 1};
inline constexpr TextRule kValueRule{.max_bytes = kMaxValue};

}  // namespace p2p::messages
