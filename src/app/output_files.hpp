#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace p2p::app {

/// Where `count` pictures go. `output` is FILE.png, or FILE, which is then given .png: that file, or FILE-1.png to FILE-count.png for more
/// than one. Empty: a free name made of the seed in the current folder. Throws UsageError for a name that cannot be right, Error for a
/// folder that cannot be written to: both before the work is done.
std::vector<std::filesystem::path> output_files(const std::string& output, std::uint64_t seed, int count);

/// Writes the file whole or not at all, over whatever is there. Throws Error.
void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes);

/// Writes files[index], whole or not at all, where `files` are names that output_files("", seed, files.size()) found free. If something has
/// taken that name since, this file and those after it get new free names in `files`: nothing is overwritten. Throws Error.
void write_new_file(std::vector<std::filesystem::path>& files, std::size_t index, std::uint64_t seed, std::span<const std::uint8_t> bytes);

}  // namespace p2p::app
