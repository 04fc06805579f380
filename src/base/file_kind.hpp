#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

/// What a file is by its first bytes, for messages about files that are not what is expected.
namespace p2p {

/// What can be done about a file of a kind.
enum class FileGroup {
  safetensors,
  weights,   ///< a network in another format
  download,  ///< not the file, but what a failed download left
  archive,
  picture,
  other,
};

struct FileKind {
  std::string_view name;  ///< with its article, such as "a web page"
  FileGroup group = FileGroup::other;
  std::string_view remedy = "";  ///< empty: that of the group
};

/// As many bytes of a file as file_kind() reads.
constexpr std::size_t kFileHead = 1024;

/// The kind of a file that begins with `head`; nullptr if it is unknown.
const FileKind* file_kind(std::string_view head);

/// Whether the file holds safetensors, whatever its name is. False if it cannot be read.
bool is_safetensors(const std::filesystem::path& file);

/// What a file was expected to be.
struct Expected {
  std::string_view name;
  bool picture = false;
};
inline constexpr Expected kExpectedWeights{"a .safetensors file"};
inline constexpr Expected kExpectedModel{"a model, which is a .safetensors file or a folder with model_index.json"};
inline constexpr Expected kExpectedPicture{"a picture in PNG, JPEG or WebP", true};

/// The sentence for a file that is not what is expected: what it is and what to do. Recognises files that do not exist or cannot be read,
/// links to nothing, folders, and downloads that have not ended, too.
std::string wrong_file(const std::filesystem::path& file, const Expected& expected);
/// The same for a file that could be read and begins with `head`.
std::string wrong_file(const std::filesystem::path& file, std::string_view head, const Expected& expected);

/// What wrong_file() says after the name, for the `head` of a file: "expected EXPECTED, found a web page; ...".
std::string wrong_content(std::string_view head, const Expected& expected);

}  // namespace p2p
