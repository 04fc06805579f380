#pragma once

#include <gtest/gtest.h>

#include <filesystem>

#include "engine/image/image.hpp"

namespace p2p::engine::golden {

/// Throws Error.
Image read_png(const std::filesystem::path& path);

/// Whether no byte is further off than 3 of 255, and the mean at most 0.1.
testing::AssertionResult same_picture(const Image& found, const Image& expected);

}  // namespace p2p::engine::golden
