#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/image/image.hpp"

namespace p2p::engine {

/// Whether a JPEG's segment APP1 holds Exif.
bool is_exif(std::span<const std::uint8_t> segment);

/// Exif's tag Orientation, 1 (upright) to 8; 1 if it is missing or malformed. `exif` is the content of a JPEG's segment APP1, of a PNG's
/// chunk eXIf, or of a WebP's chunk EXIF: a TIFF, in either byte order, which may follow "Exif" and two zeros.
int exif_orientation(std::span<const std::uint8_t> exif);

/// The tag UserComment with its eight bytes of a code, of the content of a JPEG's segment APP1 or of a TIFF header with what follows it;
/// empty if it is missing or does not lie within.
std::span<const std::uint8_t> exif_user_comment(std::span<const std::uint8_t> exif);

/// Exif with `text` as UserComment, in UTF-16; for WebP.
std::vector<std::uint8_t> exif_comment(std::u16string_view text);
/// The same as the content of a JPEG's segment APP1, which may be too long for one. Empty if `text` is.
std::vector<std::uint8_t> exif_segment(std::u16string_view text);

/// Makes an image of that orientation upright, like Pillow's exif_transpose().
Image turned(Image image, int orientation);

}  // namespace p2p::engine
