#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace p2p::engine {

/// The generation parameters in a picture, in UTF-8, as Prompt2Pic and AUTOMATIC1111's web UI write them: a PNG's text "parameters" (not a
/// compressed one), or the UserComment in the Exif of a JPEG or WebP. Nothing if there are none. Pixels are not decoded. Throws UsageError
/// for other files, and where a part that is read does not end within the file.
std::optional<std::string> parameters_in(std::span<const std::uint8_t> bytes);

/// Of a file; see above. Throws UsageError, also for a file that cannot be read or is larger than kMaxImageBytes; messages name the file.
std::optional<std::string> read_parameters(const std::filesystem::path& file);

}  // namespace p2p::engine
