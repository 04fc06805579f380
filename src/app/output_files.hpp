#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/image/image.hpp"

namespace p2p::app {

/// The files for `count` pictures. `output` is FILE.png, another extension of a picture format, or FILE, which means FILE.png: FILE.png for
/// one picture, FILE-1.png to FILE-count.png for several. A pattern of number_pattern.hpp, such as out-%03d.webp: the next numbers that
/// no file has. Empty: an unused name derived from the seed, in the current folder. Throws
/// UsageError for an invalid name and Error for a folder that cannot be written to, so that both are found before drawing.
std::vector<std::filesystem::path> output_files(const std::string& output, std::uint64_t seed, int count);

/// The bytes of such a file, in the format of its extension (PNG if it has no known one); see engine::encode_image().
std::vector<std::uint8_t> encode_for(const std::filesystem::path& file, const engine::Image& image, const std::string& parameters);

/// Writes the file atomically, replacing an existing one. Throws Error.
void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes);

/// The files for picture 1 to `count` of a list, named by their numbers whether or not they exist: for a pattern, or FILE as if it were
/// FILE-%d.png; for empty `output` prompt2pic-%d.png, with as many digits as the last number has. Throws like output_files().
std::vector<std::filesystem::path> listed_files(const std::string& output, int count);

/// Writes a new file atomically. Returns false if there is one of that name already. Throws Error.
bool write_if_new(const std::filesystem::path& path, std::span<const std::uint8_t> bytes);

/// Whether write_new_file() is for this output: none, or a pattern. Others are replaced.
bool is_new_output(const std::string& output);

/// Writes files[index] atomically, where `files` came from output_files(output, seed, files.size()) and is_new_output(output). If the name
/// has been taken meanwhile, this file and the following ones get new unused names in `files`, so that nothing is overwritten. Throws
/// Error.
void write_new_file(std::vector<std::filesystem::path>& files, std::size_t index, const std::string& output, std::uint64_t seed,
                    std::span<const std::uint8_t> bytes);

}  // namespace p2p::app
